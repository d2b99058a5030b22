/** What goes to one member: publishes of locks to who judges them, and what has become of them back. */
export type MessageKind = 'reports' | 'answers';

/** What goes to whoever listens. */
export type Topic = 'live' | 'hints';

/**
 * What has become of a message. `sent`: it is on its way to the member; it may be lost still. `nobody`: no such member
 * listens. `unknown`: the connection was lost; whether it arrives nobody can say.
 */
export type SendResult = 'sent' | 'nobody' | 'unknown';

/** @param from memberId of the sender */
export type TakeMessage = (from: number, body: Buffer) => void;

/**
 * Carries messages between members; keeps none. Each arrives at most once, those of one sender, kind and receiver in order.
 * What a member publishes does not come back to it.
 */
export interface Bus {
  readonly memberId: number;
  send(kind: MessageKind, to: number, body: Buffer): Promise<SendResult>;
  /** Where it cannot be sent at once, it is lost. */
  publish(topic: Topic, body: Buffer): void;
  /** Resolves once messages sent from then on arrive, which waits for the connection. At most one listener a kind. */
  onMessage(kind: MessageKind, take: TakeMessage): Promise<void>;
  /** Resolves once what is published from then on arrives, which waits for the connection. At most one listener a topic. */
  onTopic(topic: Topic, take: TakeMessage): Promise<void>;
  /** Called when the connection stands again: what was sent to this member before may be lost, and what it has sent. */
  onGap(listener: () => void): void;
  /** Why messages cannot be sent now; empty: they can. */
  ready(): string[];
  close(): Promise<void>;
}

/** Largest body of a message, bytes; a larger one is not taken. */
export const MAX_BODY_BYTES = 16 * 2 ** 20;
