import type { Account, SessionView } from '@sealwatch/schemas';
import { call } from '../rest.ts';

const id = encodeURIComponent;

export const account = () => call<Account>('GET', '/account');
export const changePassword = (current: string, password: string) =>
  call<void>('PUT', '/account/password', { ...(current === '' ? {} : { current }), password });

export const renewRecoveryCodes = (code: string) =>
  call<{ recoveryCodes: string[] }>('POST', '/account/second-factor/recovery-codes', { code });
export const removeSecondFactor = (code: string) => call<void>('POST', '/account/second-factor/remove', { code });

/** Sessions of a person, or one's own. */
export interface SessionCalls {
  list(): Promise<SessionView[]>;
  end(sessionId: string): Promise<void>;
  endAll(): Promise<{ ended: number }>;
}

const items = ({ items }: { items: SessionView[] }) => items;

export const ownSessions: SessionCalls = {
  list: () => call<{ items: SessionView[] }>('GET', '/account/sessions').then(items),
  end: (sessionId) => call('DELETE', `/account/sessions/${id(sessionId)}`),
  endAll: () => call('POST', '/account/sessions/end-others', {}),
};

export const sessionsOf = (name: string): SessionCalls => ({
  list: () => call<{ items: SessionView[] }>('GET', `/users/${id(name)}/sessions`).then(items),
  end: (sessionId) => call('DELETE', `/users/${id(name)}/sessions/${id(sessionId)}`),
  endAll: () => call('DELETE', `/users/${id(name)}/sessions`),
});
