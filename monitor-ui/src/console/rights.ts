import type { Role } from '@sealwatch/schemas';

/** Who may do what (ingest/src/api/guard.ts): the screens do not offer what the platform would refuse. */
export const RIGHTS = {
  read: ['viewer', 'operator', 'supervisor', 'tester', 'admin'],
  gates: ['viewer', 'operator', 'supervisor', 'tester', 'admin', 'gate'],
  decide: ['operator', 'supervisor', 'admin'],
  operate: ['operator', 'supervisor', 'tester', 'admin'],
  plan: ['supervisor', 'tester', 'admin'],
  audit: ['supervisor', 'admin'],
  administer: ['admin'],
} as const satisfies Record<string, readonly Role[]>;
export type Right = keyof typeof RIGHTS;

export const may = (role: string | undefined, right: Right): boolean =>
  role !== undefined && (RIGHTS[right] as readonly string[]).includes(role);

export interface Entry {
  name: 'alarms' | 'trips' | 'gates' | 'locks' | 'replay' | 'routes' | 'places' | 'reports' | 'admin';
  right: Right;
}
export const ENTRIES: Entry[] = [
  { name: 'alarms', right: 'read' },
  { name: 'trips', right: 'read' },
  { name: 'gates', right: 'gates' },
  { name: 'locks', right: 'read' },
  { name: 'replay', right: 'read' },
  { name: 'routes', right: 'gates' },
  { name: 'places', right: 'gates' },
  { name: 'reports', right: 'read' },
  { name: 'admin', right: 'operate' },
];
