import { createHash } from 'node:crypto';
import type { Role } from '@sealwatch/schemas';
import type { UseCaseDeps } from '../ports.ts';
import { inTransaction, type Queryable } from '../postgres/queryable.ts';
import { audit } from '../store/people/audit.ts';
import { insertIdentity, lockIdentity, nameByIdentity } from '../store/people/identities.ts';
import { insertPerson, type PersonRow, personForUpdate, updatePerson } from '../store/people/people.ts';
import { endSignIns } from '../store/people/sessions.ts';
import { PersonName } from './names.ts';
import { type Claimed, type Provider, SignInRefused } from './provider.ts';
import { accessOf } from './provider-groups.ts';
import { type Browser, openSession, type Session } from './sign-in.ts';

/** Who changes people as their groups say, in the audit. */
export const PROVIDER_ACTOR = 'identity provider';

interface Deps extends Pick<UseCaseDeps, 'pool' | 'hints'> {
  provider: Provider;
  secondFactorRequired: boolean | undefined;
}

type Access = { role: Role; offices: string[] | null };

/**
 * Signs in who comes back from the provider, with the role and the offices that their groups have now. Who is in none any
 * more is signed out everywhere.
 * @throws SignInRefused
 */
export async function signInByProvider(
  { pool, hints, provider, secondFactorRequired }: Deps,
  ticket: string | undefined,
  query: string,
  from: Browser,
): Promise<Session & { next: string }> {
  const claimed = await provider.end(ticket, query);
  const access = accessOf(provider.settings.rules, claimed.groups);
  const outcome = await inTransaction(pool, async (db): Promise<Session | SignInRefused['code']> => {
    const person = await personOf(db, claimed, access);
    if (person === undefined) return 'no-group';
    if (person.disabled_at !== null) return 'disabled';
    const by = { ...from, method: 'provider' as const, secondFactor: claimed.secondFactor };
    return openSession(db, person, by, secondFactorRequired);
  });
  // The role may be another one, or the access gone: open screens look again.
  await hints.publish({ hint: 'access' });
  if (typeof outcome === 'string') throw new SignInRefused(outcome);
  return { ...outcome, next: claimed.next };
}

/** The person of an identity as the groups say; undefined where they give no access. */
async function personOf(db: Queryable, claimed: Claimed, access: Access | undefined): Promise<PersonRow | undefined> {
  const { issuer, subject } = claimed;
  await lockIdentity(db, issuer, subject);
  const name = await nameByIdentity(db, issuer, subject);
  const known = name === undefined ? undefined : await personForUpdate(db, name);
  if (known === undefined) return access && addFromProvider(db, claimed, access);
  if (known.disabled_at !== null) return known;
  return access === undefined ? signOutEverywhere(db, known) : follow(db, known, access);
}

async function addFromProvider(db: Queryable, claimed: Claimed, access: Access): Promise<PersonRow> {
  const { issuer, subject } = claimed;
  for (const name of namesFor(claimed)) {
    // A name that somebody has is never taken for them: identity is issuer and subject.
    const row = await insertPerson(db, { name, ...access });
    if (row === undefined) continue;
    await insertIdentity(db, { issuer, subject, personId: row.person_id });
    const entry = { actor: PROVIDER_ACTOR, action: 'user.add', subject: `person:${name}` };
    await audit(db, { ...entry, after: { name, ...access, issuer, subject } });
    const all = await personForUpdate(db, name);
    return all ?? row;
  }
  throw new SignInRefused('provider');
}

/** Names to try: those that the provider gives, then with a piece of the identity behind them. */
function namesFor({ issuer, subject, names }: Claimed): string[] {
  const piece = createHash('sha256')
    .update(JSON.stringify([issuer, subject]))
    .digest('hex')
    .slice(0, 12);
  const good = names.map((name) => name.slice(0, 80)).filter((name) => PersonName.safeParse(name).success);
  const read = [...good.map((name) => PersonName.parse(name)), 'user'];
  return [...read.slice(0, -1), ...read.map((name) => `${name} ${piece}`)];
}

/** Role and offices become those of the groups. */
async function follow(db: Queryable, known: PersonRow, access: Access): Promise<PersonRow> {
  const { role, offices } = known;
  if (role === access.role && JSON.stringify(offices) === JSON.stringify(access.offices)) return known;
  const entry = { actor: PROVIDER_ACTOR, action: 'user.change', subject: `person:${known.name}` };
  await audit(db, { ...entry, before: { role, offices }, after: access });
  return updatePerson(db, { ...known, ...access });
}

/** Their sessions end, and they see nothing: what they asked a second person for is not done in their name any more. */
async function signOutEverywhere(db: Queryable, known: PersonRow): Promise<undefined> {
  await endSignIns(db, known.person_id);
  const { role, offices } = known;
  const entry = { actor: PROVIDER_ACTOR, action: 'user.no-group', subject: `person:${known.name}` };
  await audit(db, { ...entry, before: { role, offices }, after: { role, offices: [] } });
  await updatePerson(db, { ...known, offices: [] });
  return undefined;
}
