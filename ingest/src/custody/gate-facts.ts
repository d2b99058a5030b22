import type { Check, PassageQuestion, SealState, TripStatus } from '@sealwatch/schemas';
import type { GateParams } from './params.ts';
import type { Words } from './reasons.ts';

/** A lock as the gate finds it in the store. */
export interface GateLock {
  lockId: string;
  seal?: SealState;
  /** When the record with the seal state was made, by the platform's clock. */
  sealTimeMs?: number;
}

export interface GateAlarm {
  rule: string;
  kind: 'edge' | 'level' | 'latched';
  severity: 'info' | 'minor' | 'major' | 'critical';
  provisional: boolean;
}

/** A trip that something at the gate may belong to. */
export interface GateTrip {
  tripId: string;
  status: TripStatus;
  /** 0 green, 1 amber, 2 red */
  risk: 0 | 1 | 2;
  plates: string[];
  units: { containerNo: string; lockId: string }[];
  /** In the order of the units. */
  locks: GateLock[];
  /** Active ones. */
  alarms: GateAlarm[];
  /** Active latched alarms of other trips with one of its locks or containers. */
  inherited: (Pick<GateAlarm, 'rule' | 'severity' | 'provisional'> & { tripId: string })[];
  /** Set if it was taken over under way; `simulated`: all of its locks are simulated. */
  takenOver?: { by: string; simulated: boolean };
  /** The checks of sealing, of a trip that is hung and leaves its origin by this gate: it is sealed here. */
  sealing?: Check[];
  holdReason?: string;
  /** The office of this gate, if the trip does not pass there in this direction. */
  otherOffice?: string;
  writtenOff: boolean;
  departedAtMs?: number;
  timeLimitMin?: number;
  /** Declared weight of the whole vehicle, kg. */
  grossWeightKg?: number;
  /** Of its platform and company when it was declared; absent: the defaults. */
  params?: GateParams;
}

export interface GateFacts {
  question: PassageQuestion;
  /** Open trips that anything read might belong to; the office binding is already applied. */
  candidates: GateTrip[];
  /** Which of the lock ids that were read are registered and not retired. */
  registeredLocks: string[];
  /** When the platform received the question, epoch ms. */
  nowMs: number;
  /** Words of the rules behind a trip's alarms. */
  ruleText?: ((rule: string) => Words | undefined) | undefined;
}
