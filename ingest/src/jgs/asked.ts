import type { Role } from '@sealwatch/schemas';
import type { Principal } from '../people/principal.ts';
import type { ReportDoor, UseCaseDeps } from '../ports.ts';
import { ApiProblem } from '../problem.ts';
import type { XmlNode } from './xml.ts';

/** One message of JGS/T 14, and who sent it. */
export interface JgsAsked {
  deps: UseCaseDeps & { door: ReportDoor };
  caller: Principal;
  node: XmlNode;
}

export function requireRole(caller: Principal, roles: readonly Role[]): void {
  if (roles.includes(caller.role)) return;
  throw new ApiProblem(403, 'auth.role', `the role ${caller.role} may not do this; ${roles.join(', ')} may`);
}
