import { Counter, Gauge, type Registry } from 'prom-client';

export interface BridgeMetrics {
  frame(protocol: string, outcome: 'read' | 'unreadable'): void;
  records(count: number): void;
  refused(reason: string): void;
  closed(reason: string): void;
  connected(read: () => number): void;
}

export function bridgeMetrics(registry: Registry): BridgeMetrics {
  const registers = [registry];
  const frames = new Counter({
    name: 'sealwatch_bridge_frames_total',
    help: 'Frames of bridged locks, by protocol and whether they could be read',
    labelNames: ['protocol', 'outcome'],
    registers,
  });
  const records = new Counter({
    name: 'sealwatch_bridge_records_total',
    help: 'Records of bridged locks that the platform has stored',
    registers,
  });
  const refused = new Counter({
    name: 'sealwatch_bridge_refused_total',
    help: 'Connections and frames that the bridge has refused, by reason',
    labelNames: ['reason'],
    registers,
  });
  const closed = new Counter({
    name: 'sealwatch_bridge_closed_total',
    help: 'Connections of devices that the bridge has ended, by reason',
    labelNames: ['reason'],
    registers,
  });
  return {
    frame: (protocol, outcome) => frames.inc({ protocol, outcome }),
    records: (count) => records.inc(count),
    refused: (reason) => refused.inc({ reason }),
    closed: (reason) => closed.inc({ reason }),
    connected(read) {
      new Gauge({
        name: 'sealwatch_bridge_connected_locks',
        help: 'Bridged locks connected',
        registers,
        collect() {
          this.set(read());
        },
      });
    },
  };
}
