import { commandTopic, replyTopic, reportTopic } from '@sealwatch/schemas';

export interface PublishFacts {
  topic: string;
  qos: number;
  retain: boolean;
}

export type PublishRule = { allowed: true; kind: 'report' | 'reply' } | { allowed: false; reason: string };

/**
 * What a lock may publish (contract §2): its own reports and replies. QoS 2 is refused: its PUBREC would have to wait for
 * the COMMIT as the PUBACK of QoS 1 does. QoS 0 is stored like the others, without an acknowledgement.
 */
export function publishRule(lockId: string, publish: PublishFacts): PublishRule {
  const kind =
    publish.topic === reportTopic(lockId) ? 'report' : publish.topic === replyTopic(lockId) ? 'reply' : undefined;
  if (!kind) return { allowed: false, reason: 'foreign-topic' };
  if (publish.retain) return { allowed: false, reason: 'retained' };
  if (publish.qos === 2) return { allowed: false, reason: 'qos-2' };
  return { allowed: true, kind };
}

/** What a lock may subscribe to: its own topics, named in full. */
export function mayRead(lockId: string, filter: string): boolean {
  return filter === commandTopic(lockId) || filter === replyTopic(lockId) || filter === reportTopic(lockId);
}
