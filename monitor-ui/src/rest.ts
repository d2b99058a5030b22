import type {
  Alarm,
  Basemap,
  CorridorShape,
  DayFigures,
  OfficeContacts,
  Place,
  Problem,
  Route,
  RouteHead,
  Session,
  Track,
  Trip,
} from '@sealwatch/schemas';

/** The platform refused a request. `problem` is its answer (RFC 9457). */
export class Refused extends Error {
  readonly status: number;
  readonly problem: Partial<Problem>;
  constructor(status: number, problem: Partial<Problem>) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`/api/v1${path}`, {
    method,
    credentials: 'same-origin',
    headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const answer: unknown = text === '' ? undefined : JSON.parse(text);
  if (!response.ok) throw new Refused(response.status, (answer ?? {}) as Partial<Problem>);
  return answer as T;
}

export interface Page<T> {
  items: T[];
  next?: string;
}

/** All items of a paged list. */
export async function everything<T>(path: string): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const page: Page<T> = await call(
      'GET',
      `${path}${path.includes('?') ? '&' : '?'}limit=500${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`,
    );
    items.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined);
  return items;
}

/** A planned route as GET /routes/{id} returns it. */
export type PlannedRoute = Route & { routeId: string; version: number };
export type KnownPlace = Place & { placeId: string };

export interface RouteVersion {
  routeId: string;
  version: number;
}
export const versionKey = ({ routeId, version }: RouteVersion): string => `${routeId}@${version}`;

/** The newest version of every route, without its geometry. */
export const routeHeads = () => everything<RouteHead>('/routes');
export const route = ({ routeId, version }: RouteVersion) =>
  call<PlannedRoute>('GET', `/routes/${encodeURIComponent(routeId)}?version=${version}`);

/** The corridor as an area, with the width of each leg. */
export const corridor = ({ routeId, version }: RouteVersion) =>
  call<{ geometry: CorridorShape }>('GET', `/routes/${encodeURIComponent(routeId)}/corridor?version=${version}`);

export function figures(fromMs: number): Promise<{ items: DayFigures[] }> {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  // An old machine may name its zone by an abbreviation (CET), which the platform refuses.
  const zone = timeZone.includes('/') ? timeZone : 'UTC';
  return call('GET', `/stats?${new URLSearchParams({ from: new Date(fromMs).toISOString(), zone })}`);
}

export const signOut = () => call<void>('DELETE', '/session');
export const anySession = () => call<Session>('GET', '/session');
/** The session of who has signed in all the way. */
export async function session(): Promise<Session> {
  const found = await anySession();
  if (found.needs === undefined) return found;
  throw new Refused(401, { code: 'auth.second-factor', status: 401 });
}
/** How people sign in here, beside name and password. */
export const signInOptions = () => call<{ provider?: { name: string } }>('GET', '/session/options');
export const giveCode = (code: string) => call<void>('POST', '/session/code', { code });
export const beginEnrolment = () => call<{ secret: string; uri: string }>('POST', '/account/second-factor', {});
export const confirmEnrolment = (code: string) =>
  call<{ recoveryCodes: string[] }>('POST', '/account/second-factor/confirm', { code });
export const signIn = (name: string, password: string) => call<Session>('POST', '/session', { name, password });
/** The operator's own basemap. */
export const basemap = () => call<Basemap>('GET', '/basemap');
export const places = () => everything<KnownPlace>('/places');
export const trip = (tripId: string) => call<Trip>('GET', `/trips/${encodeURIComponent(tripId)}`);
export const track = (tripId: string, maxPoints: number) =>
  call<Track>('GET', `/trips/${encodeURIComponent(tripId)}/track?maxPoints=${maxPoints}`);
/** Whom to call at an office, in this order. */
export const contacts = (office: string) =>
  call<OfficeContacts>('GET', `/offices/${encodeURIComponent(office)}/contacts`);
export const acknowledge = (alarmId: string) =>
  call<Alarm>('POST', `/alarms/${encodeURIComponent(alarmId)}/acknowledge`, {});
export const assign = (alarmId: string, to: string) =>
  call<Alarm>('POST', `/alarms/${encodeURIComponent(alarmId)}/assign`, { to });
