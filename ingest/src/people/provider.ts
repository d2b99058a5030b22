import * as oidc from 'openid-client';
import QuickLRU from 'quick-lru';
import { boundedFetch } from './bounded-fetch.ts';
import { CALLBACK_PATH, type ProviderSettings } from './provider-settings.ts';
import { newToken } from './secret.ts';

/** Of one call to the provider. */
const CALL_MS = 5_000;
/** How long somebody may take at the provider. */
const UNDER_WAY_MS = 10 * 60_000;
const UNDER_WAY_AT_MOST = 10_000;
const DISCOVERED_MS = 3_600_000;

/** Who has come back from the provider, with what it says of them. */
export interface Claimed {
  issuer: string;
  subject: string;
  /** Names that the provider gives, the best first. */
  names: string[];
  groups: string[];
  /** Whether it says that a second factor was shown. */
  secondFactor: boolean;
  /** Where they wanted to go. */
  next: string;
}

interface UnderWay {
  state: string;
  nonce: string;
  verifier: string;
  next: string;
}

/** Why somebody does not get in; the sign-in page has words for each. */
export class SignInRefused extends Error {
  override name = 'SignInRefused';
  readonly code: 'provider' | 'expired' | 'no-group' | 'disabled';

  constructor(code: SignInRefused['code'], cause?: unknown) {
    super(`sign-in refused: ${code}`, { cause });
    this.code = code;
  }
}

const strings = (claim: unknown): string[] =>
  [claim].flat().filter((one): one is string => typeof one === 'string' && one !== '');

/** The OpenID provider of the operator: authorization code with PKCE, state and nonce. */
export class Provider {
  readonly settings: ProviderSettings;
  readonly #limits: { callMs: number };
  readonly #underWay = new QuickLRU<string, UnderWay>({ maxSize: UNDER_WAY_AT_MOST, maxAge: UNDER_WAY_MS });
  #found: { config: Promise<oidc.Configuration>; atMs: number } | undefined;

  /** @param limits `callMs`: within which the provider answers a call */
  constructor(settings: ProviderSettings, limits = { callMs: CALL_MS }) {
    this.settings = settings;
    this.#limits = limits;
  }

  /** Discovered once an hour; a failure is tried again at the next sign-in. */
  #config(): Promise<oidc.Configuration> {
    const nowMs = Date.now();
    if (this.#found !== undefined && nowMs - this.#found.atMs < DISCOVERED_MS) return this.#found.config;
    const config = this.#discover();
    const found = { config, atMs: nowMs };
    this.#found = found;
    config.catch(() => {
      if (this.#found === found) this.#found = undefined;
    });
    return config;
  }

  #discover(): Promise<oidc.Configuration> {
    const { issuer, clientId, clientSecret } = this.settings;
    const isPlain = new URL(issuer).protocol === 'http:';
    const fetch: oidc.CustomFetch = (url, init) => boundedFetch(url, init as RequestInit, this.#limits.callMs);
    return oidc.discovery(
      new URL(issuer),
      clientId,
      undefined,
      clientSecret === undefined ? oidc.None() : oidc.ClientSecretBasic(clientSecret),
      {
        [oidc.customFetch]: fetch,
        // Signatures are checked although the token comes by TLS. Plain HTTP is for providers on the own machine alone.
        execute: [oidc.enableNonRepudiationChecks, ...(isPlain ? [oidc.allowInsecureRequests] : [])],
      },
    );
  }

  /**
   * Begins a sign-in.
   * @param next a path of the platform
   * @returns the provider's address, and the ticket that only the browser that began it keeps
   * @throws SignInRefused where the provider does not answer
   */
  async begin(next: string): Promise<{ url: string; ticket: string }> {
    const underWay = {
      state: oidc.randomState(),
      nonce: oidc.randomNonce(),
      verifier: oidc.randomPKCECodeVerifier(),
      next,
    };
    try {
      const url = oidc.buildAuthorizationUrl(await this.#config(), {
        redirect_uri: this.settings.publicUrl + CALLBACK_PATH,
        scope: this.settings.scope,
        state: underWay.state,
        nonce: underWay.nonce,
        code_challenge: await oidc.calculatePKCECodeChallenge(underWay.verifier),
        code_challenge_method: 'S256',
      });
      const ticket = newToken();
      this.#underWay.set(ticket, underWay);
      return { url: url.href, ticket };
    } catch (error) {
      throw new SignInRefused('provider', error);
    }
  }

  /**
   * Ends a sign-in; each can be ended once.
   * @param ticket of the browser that comes back
   * @param query as the provider sent it, e.g. `?code=…&state=…`
   * @throws SignInRefused
   */
  async end(ticket: string | undefined, query: string): Promise<Claimed> {
    const underWay = ticket === undefined ? undefined : this.#underWay.get(ticket);
    if (ticket === undefined || underWay === undefined) throw new SignInRefused('expired');
    this.#underWay.delete(ticket);
    try {
      const config = await this.#config();
      const tokens = await oidc.authorizationCodeGrant(
        config,
        new URL(this.settings.publicUrl + CALLBACK_PATH + query),
        { expectedState: underWay.state, expectedNonce: underWay.nonce, pkceCodeVerifier: underWay.verifier },
      );
      const claims = tokens.claims();
      if (claims === undefined) throw new Error('the provider gave no id token');
      return { ...(await this.#claimed(config, tokens.access_token, claims)), next: underWay.next };
    } catch (error) {
      throw new SignInRefused('provider', error);
    }
  }

  /** Groups that the id token does not have are asked for. */
  async #claimed(config: oidc.Configuration, token: string, claims: oidc.IDToken): Promise<Omit<Claimed, 'next'>> {
    const { groupsClaim, secondFactor } = this.settings;
    const asks = !Object.hasOwn(claims, groupsClaim) && config.serverMetadata().userinfo_endpoint !== undefined;
    const more = asks ? await oidc.fetchUserInfo(config, token, claims.sub) : {};
    const all = new Map<string, unknown>(Object.entries({ ...more, ...claims }));
    const shown = [...strings(claims.amr), ...strings(claims.acr)];
    return {
      issuer: claims.iss,
      subject: claims.sub,
      names: [...strings(all.get('name')), ...strings(all.get('preferred_username'))],
      groups: strings(all.get(groupsClaim)),
      secondFactor: shown.some((word) => secondFactor.includes(word)),
    };
  }
}
