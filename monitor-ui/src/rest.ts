import type { Alarm, Place, Problem, Route, Track, Trip } from '@sealwatch/schemas';

/** The platform said no. `problem` is what it said (RFC 9457). */
export class Refused extends Error {
  readonly status: number;
  readonly problem: Partial<Problem>;
  constructor(status: number, problem: Partial<Problem>) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

export interface Session {
  name: string;
  role: string;
}

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
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

interface Page<T> {
  items: T[];
  next?: string;
}

/** Every page of a list. */
async function everything<T>(path: string): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const page: Page<T> = await call(
      'GET',
      `${path}?limit=500${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`,
    );
    items.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined);
  return items;
}

/** A planned route, as GET /routes/{id} tells it. */
export type PlannedRoute = Route & { routeId: string; version: number };
export type KnownPlace = Place & { placeId: string };

/** The newest version of every route, with its line: the list itself holds their heads only. */
export async function routes(): Promise<PlannedRoute[]> {
  const heads = await everything<{ routeId: string }>('/routes');
  return Promise.all(heads.map(({ routeId }) => call<PlannedRoute>('GET', `/routes/${encodeURIComponent(routeId)}`)));
}

export const session = () => call<Session>('GET', '/session');
export const signIn = (name: string, password: string) => call<Session>('POST', '/session', { name, password });
export const places = () => everything<KnownPlace>('/places');
export const trip = (tripId: string) => call<Trip>('GET', `/trips/${encodeURIComponent(tripId)}`);
export const track = (tripId: string, maxPoints: number) =>
  call<Track>('GET', `/trips/${encodeURIComponent(tripId)}/track?maxPoints=${maxPoints}`);
export const acknowledge = (alarmId: string) =>
  call<Alarm>('POST', `/alarms/${encodeURIComponent(alarmId)}/acknowledge`, {});
export const assign = (alarmId: string, to: string) =>
  call<Alarm>('POST', `/alarms/${encodeURIComponent(alarmId)}/assign`, { to });
