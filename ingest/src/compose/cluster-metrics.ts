import { Counter, Gauge, type Registry } from 'prom-client';
import type { RemoteDoor } from '../bus/remote-door.ts';

const gauge = (registry: Registry, name: string, help: string, read: () => number) =>
  new Gauge({
    name: `sealwatch_${name}`,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });

/** @param read what was counted since the start */
const counter = (registry: Registry, name: string, help: string, read: () => number) =>
  new Counter({
    name: `sealwatch_${name}_total`,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read());
    },
  });

/** Of a gateway or API node: the way of publishes to their workers. */
export function showDoor(
  registry: Registry,
  door: Pick<RemoteDoor, 'waiting' | 'counts'>,
  unowned: () => number,
): void {
  const { counts } = door;
  gauge(
    registry,
    'door_unsent',
    'Publishes that wait here for room at their worker, or for one',
    () => door.waiting.unsent,
  );
  gauge(registry, 'door_in_flight', 'Publishes on their way to workers, not stored yet', () => door.waiting.inFlight);
  gauge(registry, 'door_slots_unowned', 'Slots of the fleet that nobody owns, as this node sees it', unowned);
  counter(registry, 'door_resent', 'Publishes sent again', () => counts.resent);
  counter(registry, 'door_moved', 'Publishes that a worker said another one admits', () => counts.moved);
  counter(registry, 'door_returned', 'Publishes that could not be handed to their worker', () => counts.returned);
}

/** Of a worker. */
export function showWorker(registry: Registry, worker: { owned(): number; inHand(): number }): void {
  gauge(registry, 'worker_slots_owned', 'Slots of the fleet that this worker owns', worker.owned);
  gauge(registry, 'worker_in_hand', 'Publishes of gateways that this worker has taken and not settled', worker.inHand);
}
