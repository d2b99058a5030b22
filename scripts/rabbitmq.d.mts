import type { NetworkSpaces } from './network-spaces.mjs';

export interface RabbitmqNode {
  url: string;
  port: number;
  start(): Promise<void>;
  freeze(): void;
  thaw(): void;
  /** kill -9. */
  kill(): Promise<void>;
}

export interface Rabbitmq {
  /** Of all nodes, divided by commas. */
  url: string;
  nodes: RabbitmqNode[];
  stop(): Promise<void>;
}

export function findRabbitmq(): { script: string; path: string } | undefined;
export function startRabbitmq(options?: {
  nodes?: number;
  definitions?: string | undefined;
  /** Files. */
  tls?: { cert: string; key: string };
  spaces?: NetworkSpaces | undefined;
}): Promise<Rabbitmq>;
