import { randomStream } from '../random.ts';
import type { Device } from './device.ts';
import { Jt701d } from './jt701d.ts';
import { Jt709 } from './jt709.ts';

/** What locks speak other than MQTT, over a bridge. */
export const WIRE_PROTOCOLS = ['jt808', 'jointech'] as const;
export type WireProtocol = (typeof WIRE_PROTOCOLS)[number];

interface Model {
  /** As it is registered. */
  model: string;
  profile: string;
  /** Digits of its id on the wire. */
  digits: number;
  device(wireId: string): Device;
}

/** The model of lock that is simulated for a protocol. */
export const MODELS: Record<WireProtocol, Model> = {
  jt808: { model: 'JT709', profile: 'jointech-709', digits: 12, device: (wireId) => new Jt709(wireId) },
  jointech: { model: 'JT701D', profile: 'jointech-701d', digits: 10, device: (wireId) => new Jt701d(wireId) },
};

/** The id that a lock bears on the wire, the same for the same lock. */
export function wireIdOf(protocol: WireProtocol, lockId: string): string {
  const { digits } = MODELS[protocol];
  return String(randomStream(0, `wire/${lockId}`).whole(0, 10 ** digits - 1)).padStart(digits, '0');
}
