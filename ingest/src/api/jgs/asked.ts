import { Report, type Role } from '@sealwatch/schemas';
import type { XmlNode } from '../../jgs/xml.ts';
import type { Principal } from '../../people/principal.ts';
import { ApiProblem } from '../../problem.ts';
import type { ReEvaluationQueue } from '../../trips/re-evaluation.ts';
import type { ApiDeps } from '../plumbing/deps.ts';

/** One message of JGS/T 14, and who sent it. */
export interface JgsAsked {
  deps: ApiDeps;
  reEvaluation: ReEvaluationQueue;
  caller: Principal;
  node: XmlNode;
}

export function requireRole(caller: Principal, roles: readonly Role[]): void {
  if (roles.includes(caller.role)) return;
  throw new ApiProblem(403, 'auth.role', `the role ${caller.role} may not do this; ${roles.join(', ')} may`);
}

/** A report that came as a position, or what is wrong with it. */
export function readReport(value: unknown): { report: Report } | { fault: string } {
  const parsed = Report.safeParse(value);
  if (parsed.success) return { report: parsed.data };
  return { fault: parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ') };
}
