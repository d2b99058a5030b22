import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

export const CLIENT = { id: 'sealwatch', secret: 'the secret of the client' };

interface Grant {
  claims: Record<string, unknown>;
  challenge: string;
  redirect: string;
}

export interface OpenIdProvider {
  issuer: string;
  /** What it says of whoever signs in next. */
  claims: Record<string, unknown>;
  /** Changes of the next id token, as a liar or a broken provider would make them. */
  forged: { claims?: Record<string, unknown>; alg?: 'none' | 'foreign-key' };
  /** Answers at a path instead of its own. */
  instead: Map<string, (response: ServerResponse) => void>;
  userinfo: Record<string, unknown> | undefined;
  /** How many codes it has exchanged. */
  exchanged: number;
  /** Answers an authorization request as after a sign-in. @returns where the browser is sent */
  authorize(url: string): URL;
  stop(): Promise<void>;
}

const b64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

/**
 * An OpenID provider over HTTP: discovery, keys, codes with PKCE and a client secret, RS256 id tokens, userinfo. Its people sign
 * in by themselves.
 */
export async function startOpenIdProvider(): Promise<OpenIdProvider> {
  const [own, foreign] = await Promise.all([generateKeyPair('RS256'), generateKeyPair('RS256')]);
  const jwk = { ...(await exportJWK(own.publicKey)), kid: 'one', alg: 'RS256', use: 'sig' };
  const grants = new Map<string, Grant>();
  let serial = 0;
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const json = (response: ServerResponse, body: object, status = 200) => {
    response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(JSON.stringify(body));
  };
  async function idToken(claims: Record<string, unknown>): Promise<string> {
    const { alg, claims: forged } = provider.forged;
    const nowS = Math.floor(Date.now() / 1_000);
    const all = { iss: issuer, aud: CLIENT.id, iat: nowS, exp: nowS + 300, ...claims, ...forged };
    if (alg === 'none') return `${b64({ alg: 'none' })}.${b64(all)}.`;
    const key = alg === 'foreign-key' ? foreign.privateKey : own.privateKey;
    return new SignJWT(all).setProtectedHeader({ alg: 'RS256', kid: 'one' }).sign(key);
  }
  async function exchange(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const given = new URLSearchParams(await text(request));
    const basic = Buffer.from(request.headers.authorization?.replace('Basic ', '') ?? '', 'base64').toString();
    const [id, secret] = basic.split(':').map((part) => decodeURIComponent(part.replaceAll('+', ' ')));
    const grant = grants.get(given.get('code') ?? '');
    grants.delete(given.get('code') ?? '');
    const challenge = createHash('sha256')
      .update(given.get('code_verifier') ?? '')
      .digest('base64url');
    if (id !== CLIENT.id || secret !== CLIENT.secret) return json(response, { error: 'invalid_client' }, 401);
    if (grant === undefined || grant.challenge !== challenge || grant.redirect !== given.get('redirect_uri')) {
      return json(response, { error: 'invalid_grant' }, 400);
    }
    provider.exchanged++;
    json(response, {
      access_token: 'the-token-of-access',
      token_type: 'Bearer',
      id_token: await idToken(grant.claims),
    });
  }
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', issuer);
    const instead = provider.instead.get(url.pathname);
    if (instead !== undefined) return instead(response);
    if (url.pathname === '/token') return exchange(request, response);
    if (url.pathname === '/jwks') return json(response, { keys: [jwk] });
    if (url.pathname === '/userinfo') return json(response, provider.userinfo ?? {});
    if (url.pathname === '/authorize') {
      response.writeHead(302, { location: provider.authorize(url.href).href }).end();
      return;
    }
    json(response, {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/jwks`,
      ...(provider.userinfo === undefined ? {} : { userinfo_endpoint: `${issuer}/userinfo` }),
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
      code_challenge_methods_supported: ['S256'],
    });
  }
  const provider: OpenIdProvider = {
    issuer,
    claims: {},
    forged: {},
    instead: new Map(),
    userinfo: undefined,
    exchanged: 0,
    authorize(asked) {
      const query = new URL(asked).searchParams;
      const code = `code-${++serial}`;
      const redirect = query.get('redirect_uri') ?? '';
      const claims = { ...provider.claims, nonce: query.get('nonce') };
      grants.set(code, { claims, redirect, challenge: query.get('code_challenge') ?? '' });
      const back = new URL(redirect);
      back.search = new URLSearchParams({ code, state: query.get('state') ?? '' }).toString();
      return back;
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return provider;
}
