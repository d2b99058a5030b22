import type { BridgeView, CommandView, DecodedFrame, FrameAnswer, LockSecret, LockView } from '@sealwatch/schemas';
import { call, everything, type Page } from '../rest.ts';
import type { NewLock } from './lock-file.ts';

const id = encodeURIComponent;

/** A stored record, in the form it was sent in. */
export interface LockRecord {
  boot: number;
  seq: number;
  time: string;
  receivedAt: string;
  kind: string;
  mode?: string;
  position?: { lon: number; lat: number; speedKmh?: number; source?: string };
  seal?: LockView['seal'];
  battery?: LockView['battery'];
  events?: { type: string }[];
}
export interface Order {
  type: string;
  intervalS?: number;
}

export const locks = () => everything<LockView>('/locks');
export const lock = (lockId: string) => call<LockView>('GET', `/locks/${id(lockId)}`);
export const commands = (lockId: string) => call<Page<CommandView>>('GET', `/locks/${id(lockId)}/commands?limit=30`);
export const command = (lockId: string, order: Order) =>
  call<CommandView>('POST', `/locks/${id(lockId)}/commands`, order);
/** A new secret on the lock's own channel; nobody sees it. */
export const rotate = (lockId: string) => call<CommandView>('POST', `/locks/${id(lockId)}/secret/rotate`, {});
export const retire = (lockId: string) => call<LockView>('POST', `/locks/${id(lockId)}/retire`, {});
/** Newest last. */
export const records = (lockId: string, fromMs: number) =>
  call<Page<LockRecord>>(
    'GET',
    `/locks/${id(lockId)}/reports?limit=500&from=${encodeURIComponent(new Date(fromMs).toISOString())}`,
  );
export const importLocks = (locks: NewLock[]) => call<{ items: LockSecret[] }>('POST', '/locks/import', { locks });

export const bridge = () => call<BridgeView>('GET', '/bridge');
/** The newest frame of a lock that a bridge speaks for. */
export const frame = (lockId: string) => call<FrameAnswer>('GET', `/locks/${id(lockId)}/frame`);
export const decode = (frame: string, profile: string) =>
  call<DecodedFrame>('POST', '/bridge/decode', { frame, ...(profile === '' ? {} : { profile }) });

const SOON_MS = 30 * 86_400_000;
/** Whether a certificate expires within 30 days, or has. */
export const expiresSoon = (notAfter: string, nowMs: number): boolean => Date.parse(notAfter) < nowMs + SOON_MS;

const PARTS = ['rope', 'motor', 'cover'] as const;
/** Keys of the texts for the reported state of the seal. */
export const sealKeys = ({ seal }: Pick<LockView, 'seal'>): string[] =>
  PARTS.flatMap((part) => (seal?.[part] === undefined ? [] : [`seal.${part}.${seal[part]}`]));
