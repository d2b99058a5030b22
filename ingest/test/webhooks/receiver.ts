import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

export interface Received {
  path: string;
  headers: Record<string, string>;
  body: string;
  event: {
    specversion: string;
    source: string;
    datacontenttype: string;
    id: string;
    type: string;
    subject?: string;
    time: string;
    data: Record<string, unknown>;
  };
}

/**
 * A status; `hang`: never; or a status with headers and a body that is held open after a half, never ends, or breaks off.
 */
export type Answered =
  | number
  | 'hang'
  | { status: number; headers?: Record<string, string>; body?: 'held' | 'endless' | 'broken' };

export interface Receiver {
  url: string;
  received: Received[];
  /** What to answer. Default 204. */
  answer: (received: Received) => Answered;
  close(): Promise<void>;
}

/** @throws WebhookVerificationError where it was not signed with this secret, just now */
export const verify = ({ body, headers }: Received, secret: string): unknown =>
  new Webhook(secret).verify(body, headers);

function answerWith(
  response: ServerResponse,
  { status, headers = {}, body }: Exclude<Answered, number | string>,
): void {
  if (body === undefined) {
    response.writeHead(status, headers).end('thanks');
    return;
  }
  response.writeHead(status, { ...headers, 'content-length': '1000000000' }).write('half', () => {
    if (body === 'broken') response.destroy();
  });
  response.on('error', () => undefined);
  if (body !== 'endless') return;
  const more = () => {
    if (response.destroyed) return;
    if (response.write('x'.repeat(65_536))) setImmediate(more);
    else response.once('drain', more);
  };
  more();
}

/** A subscriber's own server on the loopback interface. */
export async function startReceiver(): Promise<Receiver> {
  const receiver: Receiver = { url: '', received: [], answer: () => 204, close: async () => undefined };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const received: Received = {
        path: request.url ?? '',
        headers: request.headers as Record<string, string>,
        body,
        event: JSON.parse(body),
      };
      receiver.received.push(received);
      const answer = receiver.answer(received);
      if (answer === 'hang') return;
      if (typeof answer === 'object') return answerWith(response, answer);
      response.writeHead(answer, answer >= 300 && answer < 400 ? { location: '/elsewhere' } : {}).end('thanks');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  receiver.close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return receiver;
}
