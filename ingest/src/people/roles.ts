import { PersonRole, type Role } from '@sealwatch/schemas';

/** People and systems that may look. */
export const READERS = ['viewer', 'operator', 'supervisor', 'tester', 'admin'] as const;
export const OPERATORS = ['operator', 'supervisor', 'tester', 'admin'] as const;
/** Who works alarms and decides at the gate: test fleets do not. */
export const DECIDERS = ['operator', 'supervisor', 'admin'] as const;
/** Who may ask whether a truck may pass. */
export const GATEKEEPERS = ['gate', 'operator', 'supervisor', 'tester', 'admin'] as const;
export const SUPERVISORS = ['supervisor', 'tester', 'admin'] as const;
/** Who answers for what is real: no testers. */
export const OFFICERS = ['supervisor', 'admin'] as const;
export const isOfficer = (role: Role): boolean => (OFFICERS as readonly Role[]).includes(role);
/** Who may start simulated fleets. */
export const TESTERS = ['tester', 'admin'] as const;
export const ADMINS = ['admin'] as const;
/** A bridge asks for its locks, and for nothing else. */
export const BRIDGES = ['bridge'] as const;
export const EVERYONE: readonly Role[] = PersonRole.options;
