import { text } from 'node:stream/consumers';
import type { Role } from '@sealwatch/schemas';
import { z } from 'zod';
import type { Config } from './config.ts';
import { OperationError, onDatabase, print } from './operation.ts';
import { insertNewKey, replace } from './people/keys.ts';
import { KeyName, PersonName } from './people/names.ts';
import { takeAway } from './people/second-factor.ts';
import { hashPassword, signInLink } from './people/sign-in.ts';
import { isoOf } from './postgres/iso.ts';
import { inTransaction } from './postgres/queryable.ts';
import { ApiProblem } from './problem.ts';
import { audit } from './store/people/audit.ts';
import { type KeyRow, keyForUpdate, listKeys } from './store/people/keys.ts';
import { insertPerson, personForUpdate } from './store/people/people.ts';

function readName(form: typeof KeyName | typeof PersonName, given: string): string {
  const read = form.safeParse(given);
  if (read.success) return read.data;
  throw new OperationError(`"${given}" cannot be a name`, read.error.issues[0]?.message ?? 'Choose another name.');
}

/** Creates a key and prints only the key, so that a script can read it. */
export async function createKey(
  config: Config,
  given: { role: Role; name: string; office?: string[]; expiresInDays?: number },
): Promise<void> {
  const { role, office: offices = null, expiresInDays: days } = given;
  const expiresAt = days === undefined ? undefined : new Date(Date.now() + days * DAY_MS);
  const asked = { name: readName(KeyName, given.name), role, offices, expiresAt };
  const { key } = await onDatabase(config, { beside: true }, ({ pool }) =>
    inTransaction(pool, (client) => insertNewKey(client, COMMAND_LINE, asked)),
  );
  print(key);
}

const COMMAND_LINE = 'command line';
const DAY_MS = 86_400_000;

/** Prints a line for each key, the columns divided by tabs. */
export async function listAllKeys(config: Config): Promise<void> {
  await onDatabase(config, { beside: true }, async ({ pool }) => {
    let after: string | undefined;
    do {
      const rows = await listKeys(pool, { offices: null, after, limit: 500 });
      for (const row of rows) print([row.key_id, row.actor, row.role, stateOf(row), lastUseOf(row)].join('\t'));
      after = rows.at(-1)?.key_id;
    } while (after !== undefined);
  });
}

function stateOf({ revoked_at: revokedAt, expires_at: expiresAt }: KeyRow): string {
  if (revokedAt !== null) return `revoked ${isoOf(revokedAt)}`;
  if (expiresAt === null) return 'active';
  return `${expiresAt.getTime() <= Date.now() ? 'expired' : 'active until'} ${isoOf(expiresAt)}`;
}

const lastUseOf = ({ last_used_at: at }: KeyRow) => (at === null ? 'never used' : `last used ${isoOf(at)}`);

/** Rotates a key and prints only the new one. */
export async function rotateOneKey(config: Config, keyId: string, overlapHours: number): Promise<void> {
  const { key } = await onDatabase(config, { beside: true }, ({ pool }) =>
    inTransaction(pool, async (client) => {
      const old = z.uuid().safeParse(keyId).success ? await keyForUpdate(client, keyId) : undefined;
      if (old === undefined) throw new OperationError(`there is no key ${keyId}`, 'See: sealwatch key list');
      return replace(client, COMMAND_LINE, old, { overlapMs: overlapHours * 3_600_000 });
    }),
  ).catch((error) => {
    if (error instanceof ApiProblem) throw new OperationError(error.message, 'See: sealwatch key list');
    throw error;
  });
  print(key);
}

/** Reads a password from standard input; undefined on a terminal or if it is empty: the person then gets a sign-in link. */
async function pipedPassword(): Promise<string | undefined> {
  if (process.stdin.isTTY) return undefined;
  const given = (await text(process.stdin)).replace(/\r?\n$/, '');
  if (given === '') return undefined;
  if (given.length >= 12) return given;
  throw new OperationError('the password is too short', 'Give at least 12 characters, or none to get a sign-in link.');
}

/** The way out where no other administrator can: takes somebody's second factor away, and every session and link. */
export async function resetFactorOf(config: Config, name: string): Promise<void> {
  await onDatabase(config, { beside: true }, ({ pool }) =>
    inTransaction(pool, async (client) => {
      const row = await personForUpdate(client, name);
      if (row === undefined) throw new OperationError(`there is no person named ${name}`, 'Names are exact.');
      if (await takeAway(client, row, COMMAND_LINE)) return;
      throw new OperationError(`${name} has no second factor`, 'They sign in with their password, or a link, alone.');
    }),
  );
  print(`${name} signs in without a second factor now, and can enrol another one; open screens end within 15 s.`);
}

export async function createPerson(
  config: Config,
  given: { name: string; role: Role; office?: string[] },
): Promise<void> {
  const name = readName(PersonName, given.name);
  const password = await pipedPassword();
  await onDatabase(config, { beside: true }, async ({ pool }) => {
    const passwordHash = password === undefined ? undefined : await hashPassword(password);
    await inTransaction(pool, async (client) => {
      const row = await insertPerson(client, {
        name,
        role: given.role,
        passwordHash,
        offices: given.office ?? null,
      });
      if (!row) throw new OperationError(`there is a person named ${name} already`, 'Choose another name.');
      await audit(client, {
        actor: 'command line',
        action: 'person.create',
        subject: `person:${row.person_id}`,
        after: { name: row.name, role: row.role, offices: row.offices },
      });
    });
    print(`${name} is now a ${given.role}.`);
    if (passwordHash === undefined) {
      const path = await signInLink(pool, { name, role: given.role });
      print(`One-time sign-in link, good for an hour: http://${config.host}:${config.httpPort}${path}`);
    }
  });
}
