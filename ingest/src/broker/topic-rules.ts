import { commandTopic, replyTopic, reportTopic } from '@sealwatch/schemas';

export type PublishRule = { allowed: true; kind: 'report' | 'reply' } | { allowed: false; reason: string };

/**
 * What a lock may publish (contract §2): its own reports and replies, with any QoS. QoS 0 is stored like the others,
 * without an acknowledgement. The retain flag asks for something that this broker does not do, and changes nothing.
 */
export function publishRule(lockId: string, topic: string): PublishRule {
  if (topic === reportTopic(lockId)) return { allowed: true, kind: 'report' };
  if (topic === replyTopic(lockId)) return { allowed: true, kind: 'reply' };
  return { allowed: false, reason: 'foreign-topic' };
}

/** What a lock may subscribe to: its own topics, named in full. */
export function mayRead(lockId: string, filter: string): boolean {
  return filter === commandTopic(lockId) || filter === replyTopic(lockId) || filter === reportTopic(lockId);
}
