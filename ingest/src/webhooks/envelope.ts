import { createHmac, randomBytes } from 'node:crypto';

/** The most bytes of a body (Standard Webhooks advises less than 20 kB). */
export const MAX_BODY_BYTES = 20_000;

const PREFIX = 'whsec_';

/** A new secret as the subscriber gets it: `whsec_` and 256 random bits in base64. */
export const newWebhookSecret = (): string => PREFIX + randomBytes(32).toString('base64');

export interface OutboxEvent {
  eventId: string;
  type: string;
  at: Date;
  tripId?: string | undefined;
  data: Record<string, unknown>;
}

const REFERENCES = ['tripId', 'alarmId', 'lockId', 'rule', 'status', 'risk', 'gateId', 'passageId', 'verdict', 'code'];

/**
 * CloudEvents 1.0, structured JSON. Where an event is too large for a webhook its data are its ids alone, with
 * `shortened`: the rest is to be read through the API.
 */
export function cloudEvent(event: OutboxEvent): string {
  const body = (data: object) =>
    JSON.stringify({
      specversion: '1.0',
      id: event.eventId,
      source: 'urn:sealwatch:platform',
      type: event.type,
      ...(event.tripId === undefined ? {} : { subject: `trips/${event.tripId}` }),
      time: event.at.toISOString(),
      datacontenttype: 'application/json',
      data,
    });
  const whole = body(event.data);
  if (Buffer.byteLength(whole) < MAX_BODY_BYTES) return whole;
  const short = Object.entries(event.data).filter(
    ([key, value]) => REFERENCES.includes(key) && String(value).length <= 200,
  );
  return body({ ...Object.fromEntries(short), shortened: true });
}

function signature(secret: string, id: string, timestampS: number, body: string): string {
  const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${timestampS}.${body}`).digest('base64')}`;
}

/** The headers of a delivery (Standard Webhooks 1.0): one signature a secret, so that a rotation loses nothing. */
export function webhookHeaders(id: string, nowMs: number, body: string, secrets: string[]): Record<string, string> {
  const timestampS = Math.floor(nowMs / 1000);
  return {
    'content-type': 'application/cloudevents+json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    'user-agent': 'Sealwatch',
    'webhook-id': id,
    'webhook-timestamp': String(timestampS),
    'webhook-signature': secrets.map((secret) => signature(secret, id, timestampS, body)).join(' '),
  };
}
