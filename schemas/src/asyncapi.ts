import { z } from 'zod';
import { Alarm } from './alarm.ts';
import { Command, Reply } from './command.ts';
import { MAX_PAYLOAD_BYTES, MAX_REPORTS_PER_PUBLISH, Report } from './report.ts';
import { Trip } from './trip.ts';

const DRAFT = { io: 'input', unrepresentable: 'any' } as const;
const schemaOf = (type: z.ZodType) => z.toJSONSchema(type, DRAFT);

/** JSON Schemas by name. A lock's messages are described as sent, before defaults are filled in. */
export function jsonSchemas(): Record<string, unknown> {
  return {
    report: schemaOf(Report),
    'report-batch': schemaOf(z.array(Report).min(1).max(MAX_REPORTS_PER_PUBLISH)),
    command: schemaOf(Command),
    reply: schemaOf(Reply),
    alarm: schemaOf(Alarm),
    trip: schemaOf(Trip),
  };
}

const mqttChannel = (name: string, message: object) => ({
  address: `locks/{lockId}/${name}`,
  parameters: { lockId: { description: 'the lock’s id, its client id and user name' } },
  messages: message,
});
const feedMessage = (summary: string, payload: object = { type: 'object' }) => ({ summary, payload });

/** AsyncAPI 3 of the locks' MQTT topics (contract §2) and of the live feed (contract §5). */
export function asyncApi(version: string): Record<string, unknown> {
  return {
    asyncapi: '3.0.0',
    info: { title: 'Sealwatch', version, license: { name: 'Apache-2.0' } },
    servers: {
      mqtt: { host: '127.0.0.1:1883', protocol: 'mqtt', protocolVersion: '3.1.1' },
      live: { host: '127.0.0.1:8080', pathname: '/live', protocol: 'socket.io' },
    },
    defaultContentType: 'application/json',
    channels: {
      report: mqttChannel('report', {
        report: {
          summary: `One record, or 1 to ${MAX_REPORTS_PER_PUBLISH} of them, oldest first; at most ${MAX_PAYLOAD_BYTES} bytes`,
          payload: { oneOf: [{ $ref: '#/components/schemas/report' }, { $ref: '#/components/schemas/report-batch' }] },
        },
      }),
      command: mqttChannel('command', { command: { payload: { $ref: '#/components/schemas/command' } } }),
      reply: mqttChannel('reply', { reply: { payload: { $ref: '#/components/schemas/reply' } } }),
      live: {
        address: '/live',
        servers: [{ $ref: '#/servers/live' }],
        messages: {
          snapshot: feedMessage('Everything on the wall; the sequence of later messages continues from it'),
          positions: feedMessage('A binary frame of the locks that changed', { type: 'string', format: 'binary' }),
          trip: feedMessage('The current state of a trip', { $ref: '#/components/schemas/trip' }),
          alarm: feedMessage('The current state of an alarm', { $ref: '#/components/schemas/alarm' }),
          passage: feedMessage('A gate’s question and the answer to it'),
          stats: feedMessage('Counts of the wall and the health of the platform'),
          watch: feedMessage('Client → server: the area and trips to send positions of, {bbox?, tripIds?}'),
        },
      },
    },
    operations: {
      receiveReport: { action: 'receive', channel: { $ref: '#/channels/report' } },
      sendCommand: { action: 'send', channel: { $ref: '#/channels/command' } },
      receiveReply: { action: 'receive', channel: { $ref: '#/channels/reply' } },
      sendLive: { action: 'send', channel: { $ref: '#/channels/live' } },
    },
    components: { schemas: jsonSchemas() },
  };
}
