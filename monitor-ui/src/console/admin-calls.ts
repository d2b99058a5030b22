import type { Approval, Role } from '@sealwatch/schemas';
import { call, everything, type Page } from '../rest.ts';
import { queryOf } from './calls.ts';

const id = encodeURIComponent;

/** Offices that somebody or something is bound to; not `bound`: it sees all. */
interface Binding {
  offices: string[];
  bound: boolean;
}
export interface PersonView extends Binding {
  name: string;
  role: Role;
  createdAt: string;
  disabledAt?: string;
  /** After wrong passwords. */
  lockedUntil?: string;
  /** Whether a second factor is enrolled. */
  secondFactor: boolean;
  /** The provider signs them in, and says their role and offices. */
  fromProvider: boolean;
  /** Once, in the answer to adding somebody without a password, or letting somebody in again. */
  signIn?: string;
}
export interface KeyView extends Binding {
  keyId: string;
  name: string;
  role: Role;
  /** The name under which it appears in the audit; no two keys have the same. */
  actor: string;
  createdAt: string;
  revokedAt?: string;
  /** When it ends by itself. */
  expiresAt?: string;
  lastUsedAt?: string;
  /** The key that takes its place. */
  successor?: string;
  /** Once, in the answer to making it. */
  key?: string;
}
export interface AuditEntry {
  auditId: number;
  at: string;
  actor: string;
  action: string;
  subject: string;
  before?: unknown;
  after?: unknown;
}
export interface AuditCheck {
  holds: boolean;
  auditId?: number;
  reason?: string;
  linked: number;
}
export interface QuarantineEntry {
  quarantineId: number;
  at: string;
  lockId: string;
  topic: string;
  reason: string;
  detail: string;
  raw: string;
}
export interface SubscriptionView extends Binding {
  subscriptionId: string;
  url: string;
  types: string[];
  state: 'active' | 'disabled';
  disabledReason?: string;
  createdAt: string;
  createdBy: string;
  /** Once, in the answer to making it. */
  secret?: string;
}
export interface DeliveryView {
  deliveryId: string;
  type: string;
  at: string;
  state: 'waiting' | 'delivered' | 'dead';
  attempts: number;
  lastStatus?: number;
  lastError?: string;
}
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
export const addPerson = (person: Newcomer) => call<PersonView>('POST', '/users', person);
export const disablePerson = (name: string) => call<void>('DELETE', `/users/${id(name)}`);
export const enablePerson = (name: string) => call<PersonView>('POST', `/users/${id(name)}/enable`, {});
export const unlockPerson = (name: string) => call<PersonView>('POST', `/users/${id(name)}/unlock`, {});
export const newLink = (name: string) => call<{ signIn: string }>('POST', `/users/${id(name)}/link`, {});
/** Of a supervisor or an admin it waits for a second admin. */
export const resetSecondFactor = (name: string) =>
  call<Approval | undefined>('POST', `/users/${id(name)}/second-factor/reset`, {});
export const keys = () => everything<KeyView>('/keys');
export const addKey = (key: Newcomer) => call<KeyView>('POST', '/keys', key);
export const rotateKey = (keyId: string) => call<KeyView>('POST', `/keys/${id(keyId)}/rotate`, {});
export const revokeKey = (keyId: string) => call<void>('DELETE', `/keys/${id(keyId)}`);

export const subscriptions = () => everything<SubscriptionView>('/subscriptions');
export const subscribe = (asked: { url: string; types: string[] }) =>
  call<SubscriptionView>('POST', '/subscriptions', asked);
export const unsubscribe = (subscriptionId: string) => call<void>('DELETE', `/subscriptions/${id(subscriptionId)}`);
export const enable = (subscriptionId: string) =>
  call<SubscriptionView>('POST', `/subscriptions/${id(subscriptionId)}/enable`, {});
export const deliveries = (subscriptionId: string) =>
  call<Page<DeliveryView>>('GET', `/subscriptions/${id(subscriptionId)}/deliveries?limit=100`);
export const redeliver = (subscriptionId: string, deliveryId: string) =>
  call<DeliveryView>('POST', `/subscriptions/${id(subscriptionId)}/deliveries/${id(deliveryId)}/redeliver`, {});

export const auditPage = (subject: string, cursor?: string) =>
  call<Page<AuditEntry>>('GET', `/audit${queryOf({ limit: 100, subject, cursor })}`);
export const auditCheck = () => call<AuditCheck>('GET', '/audit/check');
export const quarantinePage = (lockId: string, cursor?: string) =>
  call<Page<QuarantineEntry>>('GET', `/quarantine${queryOf({ limit: 100, lockId, cursor })}`);
