import { Secret, TOTP } from 'otpauth';
import { io } from 'socket.io-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, BOOTSTRAP, startPlatform, type TestPlatform } from '../api/platform.ts';

let platform: TestPlatform;
/** Supervisors and admins must have one here. */
let strict: TestPlatform;
let url: string;
beforeAll(async () => {
  [platform, strict] = await Promise.all([startPlatform(), startPlatform({ secondFactorRequired: true })]);
  strict.feed.attach(strict.api.server);
  url = await strict.api.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await platform?.stop();
  await strict?.stop();
});

const PASSWORD = 'correct horse battery';
const STEP_MS = 30_000;
let serial = 0;
const address = () => `192.0.2.${++serial % 250}`;
const cookieOf = ({ headers }: Answer) => ({ cookie: String(headers['set-cookie']).split(';')[0]! });
const code = (secret: string, steps = 0) =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: Date.now() + steps * STEP_MS });
/** A code of a step far away. */
const wrong = (secret: string) => code(secret, 1_000);

/** Somebody with a password, at an address of their own. */
class Somebody {
  readonly name = `Person ${++serial}`;
  readonly from = address();
  headers: Record<string, string> = {};
  secret = '';
  readonly #on: TestPlatform;

  constructor(on: TestPlatform) {
    this.#on = on;
  }

  async add(role: string, more: object = {}): Promise<this> {
    const body = { name: this.name, role, password: PASSWORD, ...more };
    expect((await this.#on.call('POST', 'users', { body })).status).toBe(201);
    return this;
  }

  async call(method: 'GET' | 'POST' | 'DELETE' | 'PUT', path: string, body?: object): Promise<Answer> {
    const { headers, from } = this;
    const answer = await this.#on.call(method, path, { key: null, headers, from, ...(body ? { body } : {}) });
    if (answer.headers['set-cookie'] !== undefined) this.headers = cookieOf(answer);
    return answer;
  }

  signIn(password = PASSWORD): Promise<Answer> {
    this.headers = {};
    return this.call('POST', 'session', { name: this.name, password });
  }

  /** Enrols an authenticator in an open session. @returns the recovery codes */
  async enrol(): Promise<string[]> {
    this.secret = (await this.call('POST', 'account/second-factor')).body.secret;
    const { status, body } = await this.call('POST', 'account/second-factor/confirm', { code: code(this.secret) });
    expect(status).toBe(200);
    return body.recoveryCodes as string[];
  }

  /** As if the codes of now had not been used. */
  forget(): Promise<unknown> {
    return this.#on.pool.query(
      'UPDATE second_factors f SET last_step = 0 FROM people p WHERE p.person_id = f.person_id AND p.name = $1',
      [this.name],
    );
  }

  give(given: string): Promise<Answer> {
    return this.call('POST', 'session/code', { code: given });
  }

  async isIn(): Promise<boolean> {
    return (await this.call('GET', 'account')).status === 200;
  }
}
const somebody = (role = 'operator', on = platform, more: object = {}) => new Somebody(on).add(role, more);

/** Somebody with a second factor, of which a new sign-in waits for a code. */
async function halfIn(role = 'operator', on = platform): Promise<{ one: Somebody; codes: string[] }> {
  const one = await somebody(role, on);
  await one.signIn();
  const codes = await one.enrol();
  expect((await one.signIn()).status).toBe(202);
  await one.forget();
  return { one, codes };
}

describe('an authenticator', () => {
  test('is enrolled by a secret that is shown once and kept sealed, and counts from the first right code on', async () => {
    const one = await somebody();
    await one.signIn();
    const begun = await one.call('POST', 'account/second-factor');
    expect(begun.body.uri).toMatch(/^otpauth:\/\/totp\/Sealwatch:Person%20\d+\?/);
    expect(begun.headers['cache-control']).toBe('no-store');
    const { secret } = begun.body;
    expect((await one.call('POST', 'account/second-factor/confirm', { code: wrong(secret) })).body.code).toBe(
      'second-factor.wrong',
    );
    expect((await one.signIn()).status).toBe(201);
    expect((await one.call('GET', 'account')).body.secondFactor).toMatchObject({ enrolled: false });
    const { rows } = await platform.pool.query("SELECT encode(secret, 'escape') AS s FROM second_factors");
    expect(JSON.stringify(rows)).not.toContain(secret);
    const confirmed = await one.call('POST', 'account/second-factor/confirm', { code: code(secret) });
    expect(confirmed.body.recoveryCodes).toHaveLength(10);
    expect(new Set(confirmed.body.recoveryCodes as string[]).size).toBe(10);
    expect((await one.call('GET', 'account')).body.secondFactor).toEqual({
      enrolled: true,
      required: false,
      recoveryCodesLeft: 10,
    });
    expect((await one.call('POST', 'account/second-factor')).body.code).toBe('second-factor.enrolled');
    expect((await one.signIn()).body).toMatchObject({ needs: 'code', name: one.name });
    const audit = (await platform.call('GET', `audit?subject=person:${encodeURIComponent(one.name)}`)).text;
    expect(audit).toContain('second-factor.enrol');
    expect(audit).not.toContain(secret);
  });

  test('a session without the code may do nothing but give it, look who it is, and end', async () => {
    const { one } = await halfIn();
    expect((await one.call('GET', 'session')).body).toMatchObject({ needs: 'code', name: one.name });
    const document = (await platform.call('GET', '/openapi.json', { key: null })).body as unknown as {
      paths: Record<string, Record<string, unknown>>;
    };
    const open: string[] = [];
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const method of Object.keys(methods)) {
        const call = `${method.toUpperCase()} ${path.replace('/api/v1', '')}`;
        if (!path.startsWith('/api/') || ['DELETE /session', 'POST /session', 'GET /session/options'].includes(call))
          continue;
        const answer = await platform.call(method.toUpperCase() as 'GET', path.replaceAll(/\{[^}]+\}/g, 'x'), {
          key: null,
          headers: one.headers,
          from: one.from,
        });
        if (answer.body.code !== 'auth.second-factor') open.push(call);
      }
    }
    expect(open.sort()).toEqual(['GET /session', 'POST /session/code']);
    expect((await one.call('DELETE', 'session')).status).toBe(204);
  });

  test('a right code finishes the sign-in under another token; the one of before is worth nothing', async () => {
    const { one } = await halfIn();
    const before = one.headers;
    expect((await one.give(code(one.secret))).status).toBe(204);
    expect(one.headers).not.toEqual(before);
    expect(await one.isIn()).toBe(true);
    one.headers = before;
    expect((await one.call('GET', 'session')).status).toBe(401);
  });

  test('a code is taken once, and none that is older than the last one taken', async () => {
    const { one } = await halfIn();
    const [last, now] = [code(one.secret, -1), code(one.secret)];
    expect((await one.give(now)).status).toBe(204);
    for (const used of [now, last]) {
      await one.signIn();
      expect((await one.give(used)).body.code).toBe('second-factor.wrong');
    }
    await one.signIn();
    expect((await one.give(code(one.secret, 1))).status).toBe(204);
  });

  test('one code given many times at once is taken once', async () => {
    const { one } = await halfIn();
    const now = code(one.secret);
    const { headers, from } = one;
    const give = () => platform.call('POST', 'session/code', { key: null, headers, from, body: { code: now } });
    const given = await Promise.all(Array.from({ length: 4 }, give));
    expect(given.filter(({ status }) => status === 204)).toHaveLength(1);
  });

  test('codes of another person, of another time, and what is no code are refused', async () => {
    const [{ one }, { one: other }] = [await halfIn(), await halfIn()];
    const tries = [code(other.secret), code(one.secret, 3), '000 000', ''];
    for (const given of tries) expect([given, (await one.give(given)).status]).not.toEqual([given, 204]);
    const spoken = code(one.secret).replace(/^\d{3}/, ' $& ');
    expect((await one.give(spoken)).status).toBe(204);
  });
});

describe('guessing codes', () => {
  test('ends the session at the fifth wrong one; the password is wanted again', async () => {
    const { one } = await halfIn();
    const answers: string[] = [];
    for (let n = 0; n < 5; n++) answers.push((await one.give(wrong(one.secret))).body.code);
    expect(answers).toEqual([...Array(4).fill('second-factor.wrong'), 'auth.session-ended']);
    expect((await one.give(code(one.secret))).status).toBe(401);
  });

  test('is slowed down with wrong passwords, and the right password between them makes nothing forgotten', async () => {
    const { one } = await halfIn();
    let limited = 0;
    let tried = 0;
    for (let n = 0; n < 40; n++) {
      const again = await platform.call('POST', 'session', {
        key: null,
        from: '203.0.113.77',
        body: { name: one.name, password: PASSWORD },
      });
      if (again.status === 429) {
        limited++;
        continue;
      }
      expect(again.status).toBe(202);
      const given = await platform.call('POST', 'session/code', {
        key: null,
        from: '203.0.113.77',
        headers: cookieOf(again),
        body: { code: wrong(one.secret) },
      });
      if (given.status === 429) limited++;
      else tried++;
    }
    expect([tried <= 10, limited >= 30]).toEqual([true, true]);
  });
});

describe('recovery codes', () => {
  test('stand in for the authenticator, once each, and are kept hashed', async () => {
    const { one, codes } = await halfIn();
    const { rows } = await platform.pool.query("SELECT encode(code_hash, 'escape') AS h FROM recovery_codes");
    expect(JSON.stringify(rows)).not.toContain(codes[0]);
    expect((await one.give(codes[0]!.toLowerCase().replaceAll('-', ' '))).status).toBe(204);
    expect((await one.call('GET', 'account')).body.secondFactor).toMatchObject({ recoveryCodesLeft: 9 });
    await one.signIn();
    expect((await one.give(codes[0]!)).body.code).toBe('second-factor.wrong');
    expect((await one.give(codes[1]!)).status).toBe(204);
  });

  test('are made anew by who has a code, and those of before end', async () => {
    const { one, codes } = await halfIn();
    await one.give(codes[0]!);
    const renew = (given: string) => one.call('POST', 'account/second-factor/recovery-codes', { code: given });
    expect((await renew(wrong(one.secret))).status).toBe(403);
    const { body } = await renew(code(one.secret));
    await one.signIn();
    expect((await one.give(codes[1]!)).status).toBe(403);
    expect((await one.give((body.recoveryCodes as string[])[0]!)).status).toBe(204);
  });
});

describe('taking it away', () => {
  test('needs a code of one’s own', async () => {
    const { one } = await halfIn();
    const used = code(one.secret);
    await one.give(used);
    const remove = (given: string) => one.call('POST', 'account/second-factor/remove', { code: given });
    expect((await remove(used)).status).toBe(403);
    expect((await remove(code(one.secret, 1))).status).toBe(204);
    expect((await one.signIn()).status).toBe(201);
  });

  test('an admin resets it for an operator: sessions and links end, and the audit tells', async () => {
    const { one, codes } = await halfIn();
    await one.give(codes[0]!);
    const admin = await somebody('admin');
    await admin.signIn();
    const path = `users/${encodeURIComponent(one.name)}`;
    const link = (await platform.call('POST', `${path}/link`)).body.signIn;
    const byKey = await platform.call('POST', `${path}/second-factor/reset`, { key: BOOTSTRAP });
    expect(byKey.body.code).toBe('person.required');
    expect((await admin.call('POST', `${path}/second-factor/reset`)).status).toBe(204);
    expect([await one.isIn(), (await platform.call('GET', link, { key: null })).status]).toEqual([false, 410]);
    expect((await one.signIn()).status).toBe(201);
    expect((await admin.call('POST', `${path}/second-factor/reset`)).body.code).toBe('second-factor.none');
    const { items } = (await platform.call('GET', `audit?subject=person:${encodeURIComponent(one.name)}`)).body;
    expect(items.find(({ action }) => action === 'second-factor.reset')).toMatchObject({ actor: admin.name });
  });

  test('of a supervisor or an admin two admins answer for it, and nobody for oneself', async () => {
    const { one, codes } = await halfIn('admin');
    await one.give(codes[0]!);
    const [first, second, stranger] = [
      await somebody('admin'),
      await somebody('admin'),
      await somebody('admin', platform, { offices: ['3104'] }),
    ];
    for (const admin of [first, second, stranger]) await admin.signIn();
    const reset = `users/${encodeURIComponent(one.name)}/second-factor/reset`;
    expect((await one.call('POST', reset)).body.code).toBe('second-factor.own');
    expect((await stranger.call('POST', reset)).status).toBe(404);
    const asked = await first.call('POST', reset);
    expect([asked.status, asked.body.act, asked.body.person]).toEqual([202, 'second-factor.reset', one.name]);
    expect(await one.isIn()).toBe(true);
    const confirm = `approvals/${String(asked.body.approvalId)}/confirm`;
    expect((await first.call('POST', confirm)).body.code).toBe('approval.same-person');
    expect((await stranger.call('POST', confirm)).status).toBe(404);
    expect((await second.call('POST', confirm)).status).toBe(200);
    expect((await one.signIn()).status).toBe(201);
    const { items } = (await platform.call('GET', `audit?subject=person:${encodeURIComponent(one.name)}`)).body;
    expect(items.find(({ action }) => action === 'second-factor.reset')).toMatchObject({
      actor: first.name,
      after: { secondPerson: second.name },
    });
  });

  test('the person whose factor it is does not confirm it', async () => {
    const { one, codes } = await halfIn('admin');
    await one.give(codes[0]!);
    const first = await somebody('admin');
    await first.signIn();
    const asked = await first.call('POST', `users/${encodeURIComponent(one.name)}/second-factor/reset`);
    const confirmed = await one.call('POST', `approvals/${String(asked.body.approvalId)}/confirm`);
    expect(confirmed.body.code).toBe('second-factor.own');
    expect((await one.signIn()).status).toBe(202);
  });
});

describe('where supervisors and admins must have one', () => {
  test.each(['supervisor', 'admin'])('a %s enrols before anything else, also by a link', async (role) => {
    const one = await somebody(role, strict);
    expect((await one.signIn()).body).toMatchObject({ needs: 'enrol' });
    expect((await one.call('GET', 'trips')).body.code).toBe('auth.second-factor');
    const link = (await strict.call('POST', `users/${encodeURIComponent(one.name)}/link`)).body.signIn;
    const opened = await strict.call('GET', link, { key: null });
    expect(opened.headers.location).toBe('/sign-in?step=enrol');
    one.headers = cookieOf(opened);
    expect(await one.isIn()).toBe(false);
    await one.enrol();
    expect(await one.isIn()).toBe(true);
    expect((await one.signIn()).body).toMatchObject({ needs: 'code' });
  });

  test('others and keys are let in without', async () => {
    const one = await somebody('operator', strict);
    expect((await one.signIn()).status).toBe(201);
    expect((await strict.call('GET', 'users', { key: await strict.key('admin') })).status).toBe(200);
  });

  test('who is made a supervisor in an open session must enrol in it, and its screens end', async () => {
    const one = await somebody('operator', strict);
    await one.signIn();
    const socket = io(`${url}/live`, { extraHeaders: one.headers, transports: ['websocket'], reconnection: false });
    const ended = new Promise<string>((resolve) => void socket.on('disconnect', resolve));
    await new Promise<void>((resolve, reject) => {
      socket.on('snapshot', () => resolve());
      socket.on('connect_error', reject);
    });
    await strict.call('PATCH', `users/${encodeURIComponent(one.name)}`, { body: { role: 'supervisor' } });
    expect(await ended).toBe('io server disconnect');
    expect((await one.call('GET', 'trips')).body.code).toBe('auth.second-factor');
    await one.enrol();
    expect((await one.call('GET', 'trips')).status).toBe(200);
  });

  test('a session that waits for its code sees no live feed', async () => {
    const { one } = await halfIn('operator', strict);
    const socket = io(`${url}/live`, { extraHeaders: one.headers, transports: ['websocket'], reconnection: false });
    const refused = await new Promise<string>((resolve) => {
      socket.on('connect_error', (error) => resolve(error.message));
      socket.on('snapshot', () => resolve('let in'));
    });
    socket.close();
    expect(refused).toContain('waits for a code');
  });
});
