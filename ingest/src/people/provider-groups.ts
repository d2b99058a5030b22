import { OfficeCode, type Role } from '@sealwatch/schemas';
import { z } from 'zod';

/** What members of a group of the provider may do here. */
export interface GroupRule {
  group: string;
  role: Role;
  /** null: bound to none, written `*`. */
  offices: string[] | null;
}

/** The mightier first: who is in several groups has the first of these roles. Gates have keys, and are no people. */
const RANK = ['admin', 'supervisor', 'operator', 'tester', 'viewer'] as const;

export const GROUPS_FORM =
  'expected GROUP=ROLE@OFFICES divided by semicolons, offices by commas or * for bound to none, e.g. ' +
  'customs-duty=operator@3104,3105;customs-it=admin@*';

/** Reads the rules of SEALWATCH_OIDC_GROUPS; undefined where one cannot be read. */
export function readGroupRules(text: string): GroupRule[] | undefined {
  const rules = text
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(readRule);
  return rules.length > 0 && rules.every((rule) => rule !== undefined) ? rules : undefined;
}

function readRule(text: string): GroupRule | undefined {
  // A group may be a distinguished name, which has equals signs itself.
  const [, group = '', role, codes = ''] = /^(.+)=([a-z]+)@(.+)$/.exec(text) ?? [];
  const read = z.enum(RANK).safeParse(role);
  const offices = codes.trim() === '*' ? null : codes.split(',').map((code) => code.trim());
  const isGood = offices === null || z.array(OfficeCode).safeParse(offices).success;
  return read.success && isGood ? { group: group.trim(), role: read.data, offices } : undefined;
}

/**
 * What somebody in these groups may do: the mightiest role of theirs, at the offices of the groups that give it, and at no
 * office that only a lesser role is given for.
 * @returns undefined where no group gives anything
 */
export function accessOf(rules: GroupRule[], groups: string[]): Pick<GroupRule, 'role' | 'offices'> | undefined {
  const mine = rules.filter(({ group }) => groups.includes(group));
  const role = RANK.find((one) => mine.some((rule) => rule.role === one));
  if (role === undefined) return undefined;
  const lists = mine.filter((rule) => rule.role === role).map(({ offices }) => offices);
  if (lists.includes(null)) return { role, offices: null };
  return { role, offices: [...new Set(lists.flatMap((offices) => offices ?? []))].sort() };
}
