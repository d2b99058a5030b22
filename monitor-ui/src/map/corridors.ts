import type { CorridorShape } from '@sealwatch/schemas';
import * as rest from '../rest.ts';
import type { DrawnRoute } from './overlays.ts';

/** Corridors of some 70 kB each; a wall that runs for weeks sees new versions come. */
const MOST_KEPT = 200;
/** By `rest.versionKey`; undefined for a route whose corridor cannot be drawn. A version's corridor never changes. */
const kept = new Map<string, CorridorShape | undefined>();

async function corridorOf(version: rest.RouteVersion): Promise<CorridorShape | undefined> {
  const key = rest.versionKey(version);
  if (kept.has(key)) return kept.get(key);
  try {
    kept.set(key, (await rest.corridor(version)).geometry);
  } catch (error) {
    // Other errors are temporary: the next call tries again.
    if (error instanceof rest.Refused && error.status === 422) kept.set(key, undefined);
  }
  const [oldest] = kept.keys();
  if (kept.size > MOST_KEPT && oldest !== undefined) kept.delete(oldest);
  return kept.get(key);
}

/** The routes with those of their corridors that the platform could send. Never rejects. */
export function withCorridors<T extends DrawnRoute & rest.RouteVersion>(routes: T[]): Promise<T[]> {
  return Promise.all(
    routes.map(async (route) => ({ ...route, corridor: route.corridor ?? (await corridorOf(route)) })),
  );
}
