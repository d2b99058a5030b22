import fc from 'fast-check';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ownPath } from '../../src/api/provider.ts';
import { Provider } from '../../src/people/provider.ts';
import { accessOf, type GroupRule, readGroupRules } from '../../src/people/provider-groups.ts';
import { type Answer, startPlatform, type TestPlatform } from '../api/platform.ts';
import { CLIENT, type OpenIdProvider, startOpenIdProvider } from './openid-provider.ts';

const PUBLIC_URL = 'http://127.0.0.1:8080';
const RULES = readGroupRules('duty=operator@3104,3105;chiefs=supervisor@3104;it=admin@*')!;

let idp: OpenIdProvider;
let platform: TestPlatform;
const logged: string[] = [];
/** Made short for those calls alone that are not answered. */
const PATIENT_MS = 60_000;
const limits = { callMs: PATIENT_MS };
beforeAll(async () => {
  idp = await startOpenIdProvider();
  const settings = {
    issuer: idp.issuer,
    clientId: CLIENT.id,
    clientSecret: CLIENT.secret,
    publicUrl: PUBLIC_URL,
    scope: 'openid profile',
    groupsClaim: 'groups',
    rules: RULES,
    secondFactor: ['mfa'],
    name: 'Customs login',
  };
  const log = pino({ level: 'info' }, { write: (line: string) => void logged.push(line) });
  platform = await startPlatform({}, { log, provider: () => new Provider(settings, limits) });
});
afterAll(async () => {
  await platform?.stop();
  await idp?.stop();
});
let serial = 0;
beforeEach(() => {
  idp.claims = { sub: `subject-${++serial}`, name: `Officer ${serial}`, groups: ['duty'] };
  Object.assign(idp, { forged: {}, userinfo: undefined });
  idp.instead.clear();
});

const cookies = ({ headers }: Answer) =>
  [headers['set-cookie']].flat().flatMap((one) => (one === undefined ? [] : [String(one).split(';')[0]!]));
const sessionOf = (answer: Answer) => cookies(answer).find((one) => one.startsWith('sealwatch_session='));
const get = (url: string, cookie = '') =>
  platform.call('GET', url, { key: null, headers: cookie === '' ? {} : { cookie } });

/** Goes to the provider. @returns the ticket of the browser, and where the provider sends it back to */
async function begin(next?: string): Promise<{ ticket: string; back: URL; asked: URL }> {
  const answer = await get(`/sign-in/provider${next === undefined ? '' : `?next=${encodeURIComponent(next)}`}`);
  expect(answer.status).toBe(302);
  const asked = new URL(String(answer.headers.location));
  return {
    ticket: cookies(answer).find((one) => one.startsWith('sealwatch_provider='))!,
    asked,
    back: idp.authorize(asked.href),
  };
}
const end = (back: URL, ticket: string) => get(back.pathname + back.search, ticket);
async function signIn(next?: string): Promise<Answer> {
  const { ticket, back } = await begin(next);
  return end(back, ticket);
}
const who = async (answer: Answer) => (await get('/api/v1/session', sessionOf(answer))).body;
const refusal = (answer: Answer) => {
  expect(sessionOf(answer)).toBeUndefined();
  return answer.headers.location;
};

describe('signing in by the provider', () => {
  test('asks with code, PKCE, state and nonce, and opens a session with the role and offices of the groups', async () => {
    const { asked, back, ticket } = await begin('/trips?x=1');
    const query = asked.searchParams;
    expect([query.get('response_type'), query.get('code_challenge_method'), query.get('redirect_uri')]).toEqual([
      'code',
      'S256',
      `${PUBLIC_URL}/sign-in/provider/callback`,
    ]);
    for (const name of ['state', 'nonce', 'code_challenge']) expect(query.get(name)!.length).toBeGreaterThan(40);
    const answer = await end(back, ticket);
    expect(answer.headers.location).toBe('/trips?x=1');
    expect(String(answer.headers['set-cookie'])).toMatch(/sealwatch_session=[\w-]{43};.*HttpOnly.*SameSite=Strict/);
    expect(await who(answer)).toMatchObject({
      name: idp.claims.name,
      role: 'operator',
      offices: ['3104', '3105'],
      bound: true,
      kind: 'person',
    });
    const account = await get('/api/v1/account', sessionOf(answer));
    expect(account.body).toMatchObject({ fromProvider: true, hasPassword: false });
  });

  test('is offered on the sign-in page', async () => {
    expect((await get('/api/v1/session/options')).body).toEqual({ provider: { name: 'Customs login' } });
  });

  test('takes groups from userinfo where the id token has none', async () => {
    idp.userinfo = { sub: idp.claims.sub, groups: ['it'], name: 'From Userinfo' };
    const { groups: _, ...claims } = idp.claims;
    idp.claims = claims;
    idp.userinfo.sub = claims.sub;
    // The description that the platform has read before knows no userinfo.
    const fresh = new Provider((platform.deps.provider as Provider).settings);
    const { url, ticket } = await fresh.begin('/wall');
    const claimed = await fresh.end(ticket, idp.authorize(url).search);
    expect(claimed).toMatchObject({ groups: ['it'], names: [String(claims.name)] });
  });

  test('identity is issuer and subject: a name that somebody has is never taken for them', async () => {
    const name = String(idp.claims.name);
    await platform.call('POST', 'users', { body: { name, role: 'admin' } });
    const first = await who(await signIn());
    expect([first.role, first.name === name, String(first.name).startsWith(name)]).toEqual(['operator', false, true]);
    idp.claims.name = 'Renamed at the provider';
    expect((await who(await signIn())).name).toBe(first.name);
    idp.claims = { ...idp.claims, sub: 'another', name: 'system' };
    expect((await who(await signIn())).name).toMatch(/^user [0-9a-f]{12}$/);
  });

  test('at once for the first time, one person is made', async () => {
    const begun = await Promise.all([begin(), begin(), begin()]);
    const names = await Promise.all(begun.map(async ({ back, ticket }) => (await who(await end(back, ticket))).name));
    expect(new Set(names).size).toBe(1);
  });
});

describe('role and offices follow the provider', () => {
  test('at each sign-in; sessions that are open narrow with it', async () => {
    const first = await signIn();
    idp.claims.groups = ['chiefs', 'unknown'];
    const second = await signIn();
    for (const one of [first, second]) {
      expect(await who(one)).toMatchObject({ role: 'supervisor', offices: ['3104'] });
    }
    const { name } = await who(first);
    const { items } = (await platform.call('GET', `audit?subject=person:${encodeURIComponent(String(name))}`)).body;
    expect(items.find(({ action }) => action === 'user.change')).toMatchObject({
      actor: 'identity provider',
      before: { role: 'operator' },
      after: { role: 'supervisor', offices: ['3104'] },
    });
  });

  test('no group: no access, no person, and a page that says what to ask for', async () => {
    for (const groups of [[], ['strangers'], undefined, 5, { it: true }, 'Duty']) {
      idp.claims = { sub: `nobody-${++serial}`, name: `Nobody ${serial}`, groups };
      expect([groups, refusal(await signIn())]).toEqual([groups, '/sign-in?refused=no-group']);
    }
    const { items } = (await platform.call('GET', 'users?limit=500')).body;
    expect(items.filter(({ name }) => String(name).startsWith('Nobody'))).toEqual([]);
  });

  test('who is in no group any more is signed out everywhere, and sees nothing', async () => {
    const open = await signIn();
    idp.claims.groups = ['strangers'];
    expect(refusal(await signIn())).toBe('/sign-in?refused=no-group');
    expect((await get('/api/v1/session', sessionOf(open))).status).toBe(401);
    const { items } = (await platform.call('GET', 'users?limit=500')).body;
    expect(items.find(({ name }) => name === idp.claims.name)).toMatchObject({ bound: true, offices: [] });
  });

  test('who is disabled here stays out whatever the provider says, until let in again', async () => {
    const open = await signIn();
    const path = `users/${encodeURIComponent(String(idp.claims.name))}`;
    await platform.call('DELETE', path);
    idp.claims.groups = ['it'];
    expect(refusal(await signIn())).toBe('/sign-in?refused=disabled');
    expect((await get('/api/v1/session', sessionOf(open))).status).toBe(401);
    const restored = await platform.call('POST', `${path}/enable`, { body: {} });
    expect([restored.status, restored.body.signIn]).toEqual([200, undefined]);
    expect((await who(await signIn())).role).toBe('admin');
  });

  test('nothing of ours lets them in beside it: no password, no link, no other role', async () => {
    const open = await signIn();
    const path = `users/${encodeURIComponent(String(idp.claims.name))}`;
    const password = 'correct horse battery';
    const answers = [
      await platform.call('PATCH', path, { body: { role: 'admin' } }),
      await platform.call('PATCH', path, { body: { password } }),
      await platform.call('POST', `${path}/link`),
      await platform.call('PUT', 'account/password', {
        key: null,
        body: { password },
        headers: { cookie: sessionOf(open)! },
      }),
    ];
    expect(answers.map(({ body }) => body.code)).toEqual(Array(4).fill('user.provider'));
  });
});

describe('the second factor', () => {
  test('is the provider’s where it says so in the operator’s words, and ours otherwise', async () => {
    const first = await signIn();
    const { secret } = (
      await platform.call('POST', 'account/second-factor', { key: null, headers: { cookie: sessionOf(first)! } })
    ).body;
    expect(secret).toBeTruthy();
    await platform.pool.query(
      `UPDATE second_factors f SET confirmed_at = now() FROM people p WHERE p.person_id = f.person_id AND p.name = $1`,
      [idp.claims.name],
    );
    for (const [claims, location, needs] of [
      [{}, '/sign-in?step=code&next=%2Ftrips', 'code'],
      [{ amr: ['pwd'] }, '/sign-in?step=code&next=%2Ftrips', 'code'],
      [{ amr: ['pwd', 'mfa'] }, '/trips', undefined],
      [{ acr: 'mfa' }, '/trips', undefined],
    ] as const) {
      idp.claims = { ...idp.claims, amr: undefined, acr: undefined, ...claims };
      const answer = await signIn('/trips');
      expect([claims, answer.headers.location]).toEqual([claims, location]);
      expect((await who(answer)).needs).toBe(needs);
    }
  });
});

describe('attacks', () => {
  const REFUSED = '/sign-in?refused=provider';

  test('another state, or none, is refused, and the code is not even exchanged', async () => {
    for (const state of ['another', undefined]) {
      const { back, ticket } = await begin();
      if (state === undefined) back.searchParams.delete('state');
      else back.searchParams.set('state', state);
      const before = idp.exchanged;
      expect(refusal(await end(back, ticket))).toBe(REFUSED);
      expect(idp.exchanged).toBe(before);
    }
  });

  test('a browser that did not begin the sign-in gets nothing of it (login CSRF)', async () => {
    const [mine, other] = [await begin(), await begin()];
    expect(refusal(await end(mine.back, ''))).toBe('/sign-in?refused=expired');
    expect(refusal(await end(mine.back, other.ticket))).toBe(REFUSED);
    expect(refusal(await end(mine.back, 'sealwatch_provider=guess'))).toBe('/sign-in?refused=expired');
  });

  test('a callback that is sent again gets nothing', async () => {
    const { back, ticket } = await begin();
    expect(sessionOf(await end(back, ticket))).toBeDefined();
    expect(refusal(await end(back, ticket))).toBe('/sign-in?refused=expired');
    const again = await begin();
    back.searchParams.set('state', again.back.searchParams.get('state')!);
    expect(refusal(await end(back, again.ticket))).toBe(REFUSED);
  });

  test('a code of another sign-in, injected, is refused by its PKCE verifier', async () => {
    const [mine, victims] = [await begin(), await begin()];
    mine.back.searchParams.set('code', victims.back.searchParams.get('code')!);
    expect(refusal(await end(mine.back, mine.ticket))).toBe(REFUSED);
  });

  const nowS = Math.floor(Date.now() / 1_000);
  test.each<[string, OpenIdProvider['forged']]>([
    ['another nonce', { claims: { nonce: 'another' } }],
    ['no nonce', { claims: { nonce: undefined } }],
    ['another client', { claims: { aud: 'another-client' } }],
    ['several clients, for another one', { claims: { aud: [CLIENT.id, 'another'], azp: 'another' } }],
    ['another issuer', { claims: { iss: 'https://evil.example' } }],
    ['a time that is over', { claims: { iat: nowS - 7_200, exp: nowS - 3_600 } }],
    ['no end', { claims: { exp: undefined } }],
    ['no subject', { claims: { sub: undefined } }],
    ['no signature (alg none)', { alg: 'none' }],
    ['a signature of another key', { alg: 'foreign-key' }],
  ])('an id token with %s is refused', async (_, forged) => {
    idp.forged = forged;
    idp.claims.groups = ['it'];
    expect(refusal(await signIn())).toBe(REFUSED);
  });

  test('a refusal of the provider, and nonsense in the address, are told as such', async () => {
    for (const query of ['error=access_denied', 'code=x&code=y', 'x'.repeat(5_000)]) {
      const { back, ticket } = await begin();
      back.search = `?${query}&state=${back.searchParams.get('state')}`;
      expect([query.slice(0, 20), refusal(await end(back, ticket))]).toEqual([query.slice(0, 20), REFUSED]);
    }
  });

  test.each<[string, string, (response: import('node:http').ServerResponse) => void]>([
    ['hangs', '/token', () => undefined],
    ['hangs within its answer', '/token', (response) => void response.writeHead(200).write('{')],
    [
      'answers without end',
      '/token',
      (response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        const pour = () => {
          while (!response.destroyed && response.write(' '.repeat(65_536)));
          response.once('drain', pour);
        };
        pour();
      },
    ],
    ['is no provider', '/token', (response) => response.end('<html>')],
    ['leads elsewhere', '/token', (response) => response.writeHead(307, { location: '/jwks' }).end()],
    ['fails', '/token', (response) => response.writeHead(500).end()],
  ])('a provider that %s is given up, and the platform serves on', async (_, path, instead) => {
    const { back, ticket } = await begin();
    idp.instead.set(path, instead);
    limits.callMs = 200;
    expect(refusal(await end(back, ticket))).toBe(REFUSED);
    limits.callMs = PATIENT_MS;
    idp.instead.clear();
    expect(sessionOf(await signIn())).toBeDefined();
  });

  test('a provider that hangs at its discovery is given up, and asked again at the next sign-in', async () => {
    const { settings } = platform.deps.provider as Provider;
    const limits = { callMs: 100 };
    const fresh = new Provider(settings, limits);
    idp.instead.set('/.well-known/openid-configuration', () => undefined);
    await expect(fresh.begin('/wall')).rejects.toMatchObject({ code: 'provider' });
    idp.instead.clear();
    limits.callMs = PATIENT_MS;
    await expect(fresh.begin('/wall')).resolves.toMatchObject({ ticket: expect.any(String) });
  });

  test('an answer that is right but larger than a provider has to say is not read to its end', async () => {
    const path = '/.well-known/openid-configuration';
    const right = await (await fetch(idp.issuer + path)).text();
    for (const [padding, isTaken] of [
      [' '.repeat(2_000), true],
      [' '.repeat(2_000_000), false],
    ] as const) {
      idp.instead.set(path, (response) => {
        response.writeHead(200, { 'content-type': 'application/json' }).end(right + padding);
      });
      const begun = new Provider((platform.deps.provider as Provider).settings, limits).begin('/wall');
      const outcome = await begun.then(
        () => true,
        () => false,
      );
      expect([padding.length, outcome]).toEqual([padding.length, isTaken]);
    }
  });

  test('nobody is led to another site: what is no path of the platform is the wall', async () => {
    const EVIL = [
      '//evil.example',
      'https://evil.example',
      '/\\evil.example',
      '\\\\evil.example',
      '/\t/evil.example',
      'javascript:alert(1)',
      '/..//evil.example',
      '/%5cevil.example/../..//evil.example',
      '',
    ];
    for (const next of EVIL) {
      const location = String((await signIn(next)).headers.location);
      expect([next, new URL(location, PUBLIC_URL).origin, location.startsWith('//')]).toEqual([
        next,
        PUBLIC_URL,
        false,
      ]);
    }
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('/', '\\', '.', '@', ':', 'h', '?', '#', '\t', '%2f') }),
        (next) => {
          const path = ownPath(next);
          expect(new URL(path, PUBLIC_URL).origin).toBe(PUBLIC_URL);
          expect(path).toMatch(/^\/(?![/\\])/);
        },
      ),
    );
  });

  test('neither the client’s secret nor a code or a token is in the log', () => {
    expect(logged.join('')).toContain('a sign-in by the provider failed');
    for (const secret of [CLIENT.secret, 'code-', 'eyJ', 'the-token-of-access'])
      expect(logged.join('')).not.toContain(secret);
  });
});

describe('groups', () => {
  test('are read with distinguished names, and what cannot be read is refused', () => {
    expect(readGroupRules(' CN=Duty,OU=Gate=operator@3104 ; it=admin@*;')).toEqual([
      { group: 'CN=Duty,OU=Gate', role: 'operator', offices: ['3104'] },
      { group: 'it', role: 'admin', offices: null },
    ]);
    for (const text of [
      '',
      'it',
      'it=admin',
      'it=admin@',
      'it=root@*',
      'it=gate@3104',
      '=admin@*',
      'it=admin@*,3104',
    ]) {
      expect([text, readGroupRules(text)]).toEqual([text, undefined]);
    }
  });

  const codes = fc.uniqueArray(fc.constantFrom('3104', '3105', '2921'), { minLength: 1 });
  const rule: fc.Arbitrary<GroupRule> = fc.record({
    group: fc.constantFrom('a', 'b', 'c', 'd'),
    role: fc.constantFrom('admin', 'supervisor', 'operator', 'viewer'),
    offices: fc.option(codes),
  });

  test('nobody gets a role at an office that no group of theirs gives it for, and unbound only where one says so', () => {
    fc.assert(
      fc.property(fc.array(rule), fc.array(fc.constantFrom<string>('a', 'b', 'x')), (rules, groups) => {
        const access = accessOf(rules, groups);
        const mine = rules.filter(({ group }) => groups.includes(group));
        if (access === undefined) {
          expect(mine).toEqual([]);
          return;
        }
        const same = mine.filter(({ role }) => role === access.role);
        if (access.offices === null) {
          expect(same.some(({ offices }) => offices === null)).toBe(true);
          return;
        }
        expect(access.offices.length).toBeGreaterThan(0);
        for (const office of access.offices) {
          expect(same.some(({ offices }) => offices?.includes(office))).toBe(true);
        }
      }),
    );
  });
});
