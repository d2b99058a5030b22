import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

export interface BrokerMetrics {
  refused(stage: 'wire' | 'tls' | 'connect' | 'session' | 'will' | 'publish' | 'subscribe', reason: string): void;
  connected(locks: number): void;
  acknowledged(ms: number): void;
  waitingBytes(read: () => number): void;
}

export function brokerMetrics(registry: Registry): BrokerMetrics {
  const registers = [registry];
  const refused = new Counter({
    name: 'sealwatch_broker_refused_total',
    help: 'Connections refused, delayed or ended, publishes and subscriptions refused, and wills ignored, by reason',
    labelNames: ['stage', 'reason'],
    registers,
  });
  const connected = new Gauge({ name: 'sealwatch_broker_connected_locks', help: 'Locks connected', registers });
  const puback = new Histogram({
    name: 'sealwatch_puback_seconds',
    help: 'From a publish read to its acknowledgement given',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
    registers,
  });
  return {
    refused: (stage, reason) => refused.inc({ stage, reason }),
    connected: (locks) => connected.set(locks),
    acknowledged: (ms) => puback.observe(ms / 1000),
    waitingBytes(read) {
      new Gauge({
        name: 'sealwatch_broker_unacknowledged_bytes',
        help: 'Bytes of publishes read and not yet acknowledged',
        registers,
        collect() {
          this.set(read());
        },
      });
    },
  };
}
