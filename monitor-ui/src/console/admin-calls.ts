import type {
  Approval,
  AuditCheck,
  AuditEntry,
  Delivery,
  KeyView,
  KeyWithSecret,
  PersonView,
  PersonWithLink,
  QuarantineEntry,
  Role,
  Subscription,
  SubscriptionWithSecret,
} from '@sealwatch/schemas';
import { call, everything, type Page } from '../rest.ts';
import { queryOf } from './calls.ts';

const id = encodeURIComponent;

/** A person or a key to be made. */
export interface Newcomer {
  name: string;
  role: Role;
  /** null: bound to none. */
  offices: string[] | null;
  /** Of a key: when it ends by itself. */
  expiresAt?: string;
}

export const people = () => everything<PersonView>('/users');
export const addPerson = (person: Newcomer) => call<PersonWithLink>('POST', '/users', person);
export const disablePerson = (name: string) => call<void>('DELETE', `/users/${id(name)}`);
export const enablePerson = (name: string) => call<PersonWithLink>('POST', `/users/${id(name)}/enable`, {});
export const unlockPerson = (name: string) => call<PersonView>('POST', `/users/${id(name)}/unlock`, {});
export const newLink = (name: string) => call<{ signIn: string }>('POST', `/users/${id(name)}/link`, {});
/** Of a supervisor or an admin it waits for a second admin. */
export const resetSecondFactor = (name: string) =>
  call<Approval | undefined>('POST', `/users/${id(name)}/second-factor/reset`, {});
export const keys = () => everything<KeyView>('/keys');
export const addKey = (key: Newcomer) => call<KeyWithSecret>('POST', '/keys', key);
export const rotateKey = (keyId: string) => call<KeyWithSecret>('POST', `/keys/${id(keyId)}/rotate`, {});
export const revokeKey = (keyId: string) => call<void>('DELETE', `/keys/${id(keyId)}`);

export const subscriptions = () => everything<Subscription>('/subscriptions');
export const subscribe = (asked: { url: string; types: string[] }) =>
  call<SubscriptionWithSecret>('POST', '/subscriptions', asked);
export const unsubscribe = (subscriptionId: string) => call<void>('DELETE', `/subscriptions/${id(subscriptionId)}`);
export const enable = (subscriptionId: string) =>
  call<Subscription>('POST', `/subscriptions/${id(subscriptionId)}/enable`, {});
export const deliveries = (subscriptionId: string) =>
  call<Page<Delivery>>('GET', `/subscriptions/${id(subscriptionId)}/deliveries?limit=100`);
export const redeliver = (subscriptionId: string, deliveryId: string) =>
  call<Delivery>('POST', `/subscriptions/${id(subscriptionId)}/deliveries/${id(deliveryId)}/redeliver`, {});

export const auditPage = (subject: string, cursor?: string) =>
  call<Page<AuditEntry>>('GET', `/audit${queryOf({ limit: 100, subject, cursor })}`);
export const auditCheck = () => call<AuditCheck>('GET', '/audit/check');
export const quarantinePage = (lockId: string, cursor?: string) =>
  call<Page<QuarantineEntry>>('GET', `/quarantine${queryOf({ limit: 100, lockId, cursor })}`);
