/** The life of a trip, told a second time and more simply than by the platform: what its model test compares with. */
export const LIFE = [
  'declared',
  'released',
  'hung',
  'sealed',
  'in-transit',
  'arrived',
  'verified',
  'unlocked',
  'closed',
];
const UNDER_WAY = ['in-transit', 'arrived', 'verified'];
const FROM = {
  release: ['declared'],
  hang: ['released'],
  seal: ['hung'],
  verify: ['in-transit', 'arrived'],
  unlock: ['verified'],
  close: ['unlocked'],
  cancel: LIFE.slice(0, LIFE.indexOf('verified')),
};
const TO = {
  release: 'released',
  hang: 'hung',
  seal: 'sealed',
  verify: 'verified',
  unlock: 'unlocked',
  close: 'closed',
  cancel: 'cancelled',
};
export type Act = keyof typeof FROM | 'write-off';
export const ACTS: Act[] = ['release', 'hang', 'seal', 'verify', 'write-off', 'unlock', 'close', 'cancel'];
export const PEOPLE = ['origin', 'destination', 'viewer'] as const;
export type Who = (typeof PEOPLE)[number];
type Order = 'none' | 'queued' | 'done' | 'refused' | 'cancelled';
export type Waived = 'nothing' | 'interval';

export const SEALS = {
  shut: { rope: 'inserted', motor: 'locked', cover: 'closed' },
  open: { rope: 'pulled', motor: 'unlocked', cover: 'closed' },
  cut: { rope: 'cut', motor: 'locked', cover: 'closed' },
} as const;
export const LONGITUDES = { origin: 120, road: 120.5, destination: 121 };
export interface Shown {
  seal: keyof typeof SEALS;
  at: keyof typeof LONGITUDES;
  percent: number;
}

/** A trip as the simplest thing that behaves like it. */
export interface Model {
  status: string;
  lock?: Shown;
  interval: Order;
  unlock: Order;
  /** The lock has shown itself open since it was first told to. */
  shownOpen: boolean;
  writtenOff: boolean;
  alarmId?: string;
  /** The alarm came after the verification. */
  alarmIsNew?: boolean;
  steps: Record<string, string>;
  /** What was done by whom, oldest first: it only grows. */
  history: [string, string][];
}
export const fresh = (): Model => ({
  status: 'declared',
  interval: 'none',
  unlock: 'none',
  shownOpen: false,
  writtenOff: false,
  steps: { hang: 'pending', seal: 'pending', transit: 'pending', verify: 'pending', unlock: 'pending' },
  history: [['trip.declare', 'key:bootstrap']],
});

/** Nobody's box any more: the lock is free for another trip. */
export const isOver = ({ status }: Model) => ['closed', 'cancelled'].includes(status);
const opened = ({ unlock, shownOpen }: Model) => unlock === 'done' || shownOpen;
export const officeOf = ({ status }: Model): Who => (LIFE.slice(0, 4).includes(status) ? 'origin' : 'destination');

/** The checks that fail, as the five steps have them. */
function failures({ lock, interval, alarmId, ...model }: Model, act: Act, waived: Waived): string[] {
  const told = (check: string, fails: boolean) => (fails ? [check] : []);
  const flat = told('battery', lock === undefined || lock.percent < 20);
  switch (act) {
    case 'hang':
      return [...told('healthy', lock === undefined || lock.seal === 'cut'), ...flat];
    case 'seal':
      return [
        ...flat,
        ...told('locked', lock?.seal !== 'shut'),
        ...told('place', lock?.at !== 'origin'),
        ...told('interval', interval !== 'done' && waived !== 'interval'),
      ];
    case 'verify':
    case 'write-off':
      return [
        ...told('intact', lock?.seal !== 'shut'),
        ...told('place', lock?.at !== 'destination'),
        ...told('alarms', alarmId !== undefined),
      ];
    case 'unlock': {
      const before = [
        ...told('place', lock?.at !== 'destination'),
        ...told('alarms', alarmId !== undefined && model.alarmIsNew === true),
      ];
      return before.length > 0 ? before : told('unlocked', !opened({ lock, interval, ...model } as Model));
    }
    default:
      return [];
  }
}

export interface Expected {
  status: number;
  code?: string;
  /** The checks that fail. */
  failed?: string[];
}

/** The step is taken already: asked again, it changes nothing. */
export const isPast = ({ status }: Pick<Model, 'status'>, act: Act): boolean =>
  act !== 'cancel' && act !== 'write-off' && LIFE.indexOf(status) >= LIFE.indexOf(TO[act]);

export function answerTo(model: Model, act: Act, who: Who, waived: Waived): Expected {
  if (who === 'viewer') return { status: 403, code: 'auth.role' };
  if (act !== 'write-off' && isPast(model, act)) {
    return who === officeOf({ status: FROM[act][0]! } as Model)
      ? { status: 200 }
      : { status: 403, code: 'office.not-acting' };
  }
  if (who !== officeOf(model)) return { status: 403, code: 'office.not-acting' };
  if (act === 'write-off' && model.writtenOff) return { status: 200 };
  const from = act === 'write-off' ? UNDER_WAY : FROM[act];
  if (!from.includes(model.status)) return { status: 409, code: 'trip.status' };
  const failed = failures(model, act, waived);
  if (failed.length > 0) return { status: 409, code: `step.${act === 'write-off' ? 'verify' : act}.failed`, failed };
  const red = act === 'close' && model.alarmId !== undefined;
  return red ? { status: 409, code: 'trip.alarms-open' } : { status: 200 };
}

export function orderUnlock(model: Model): boolean {
  if (model.unlock === 'queued' || opened(model)) return false;
  model.unlock = 'queued';
  return true;
}

export function apply(model: Model, act: Act, by: string): void {
  if (isPast(model, act)) return;
  if (act === 'write-off') {
    if (model.writtenOff) return;
    model.writtenOff = true;
    orderUnlock(model);
    Object.assign(model.steps, { transit: 'done', verify: 'done' });
  } else if (act in model.steps) model.steps[act] = 'done';
  if (act === 'verify') model.steps.transit = 'done';
  if (act === 'hang') model.interval = 'queued';
  if (act === 'cancel' && model.interval === 'queued') model.interval = 'cancelled';
  model.status = act === 'write-off' ? 'verified' : TO[act];
  model.history.push([`trip.${act}`, by]);
}
