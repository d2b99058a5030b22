import type {
  AcknowledgedAlarms,
  Alarm,
  Approval,
  GateView,
  PassageView,
  Track,
  Trip,
  TripEvent,
} from '@sealwatch/schemas';
import { call, everything, type KnownPlace, type Page } from '../rest.ts';

/** REST calls of the consoles only (contract §3). */

type Values = Record<string, string | number | boolean | undefined>;

/** Query string `?a=1&b=2` of the values that are set; empty if none is. */
export function queryOf(values: Values): string {
  const set = Object.entries(values).filter(([, value]) => value !== undefined && value !== '');
  const text = new URLSearchParams(set.map(([key, value]) => [key, String(value)])).toString();
  return text === '' ? '' : `?${text}`;
}
const id = encodeURIComponent;

export type Decision = NonNullable<PassageView['decision']>['decision'];
export const activeAlarms = (filter: Values) => everything<Alarm>(`/alarms${queryOf({ ...filter, active: true })}`);
export const alarmPage = (filter: Values, cursor?: string) =>
  call<Page<Alarm>>('GET', `/alarms${queryOf({ ...filter, limit: 200, cursor })}`);
export const alarmsOfTrip = (tripId: string) => everything<Alarm>(`/alarms?tripId=${id(tripId)}`);
/** At most 500 at once; one that is refused does not hold the others back. */
export const acknowledgeMany = (alarmIds: string[]) =>
  call<AcknowledgedAlarms>('POST', '/alarms/acknowledge', { alarmIds });
export const dispose = (alarmId: string, text: string, falseAlarm: boolean) =>
  call<Alarm | Approval>('POST', `/alarms/${id(alarmId)}/dispose`, { text, falseAlarm });

export const tripPage = (filter: Values, cursor?: string) =>
  call<Page<Trip>>('GET', `/trips${queryOf({ ...filter, limit: 100, cursor })}`);
export const tripEvents = (tripId: string) => everything<TripEvent>(`/trips/${id(tripId)}/events`);
export const track = (tripId: string, maxPoints: number) =>
  call<Track>('GET', `/trips/${id(tripId)}/track${queryOf({ maxPoints })}`);
export const hold = (tripId: string, reason: string | null) =>
  call<Trip>('PUT', `/trips/${id(tripId)}/hold`, { reason });
export const step = (tripId: string, act: string) => call<{ trip: Trip }>('POST', `/trips/${id(tripId)}/${act}`, {});

export const gates = () => everything<GateView>('/gates');
export const passages = (gateId: string) =>
  call<Page<PassageView>>('GET', `/gates/${id(gateId)}/passages${queryOf({ limit: 30 })}`);
export const decide = ({ gateId, passageId, day }: PassageView, decision: { decision: Decision; comment: string }) =>
  call<PassageView | Approval>(
    'POST',
    `/gates/${id(gateId)}/passages/${id(passageId)}/decision?day=${id(day)}`,
    decision,
  );

export const places = () => everything<KnownPlace>('/places');

/** An act that waits for a second person. */
export type PendingApproval = Omit<Approval, 'roles'> & { roles: string[] };
export const approvals = (filter: Values) => everything<PendingApproval>(`/approvals${queryOf(filter)}`);
export const decideApproval = (approvalId: string, how: 'confirm' | 'refuse') =>
  call<Approval>('POST', `/approvals/${id(approvalId)}/${how}`, {});
export const cancelTrip = (tripId: string, reason: string) =>
  call<{ trip: Trip } | Approval>('POST', `/trips/${id(tripId)}/cancel`, { reason });
