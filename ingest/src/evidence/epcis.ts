import type { Alarm, SealState } from '@sealwatch/schemas';
import { v5 as uuidV5 } from 'uuid';
import type { EvidencePack, GatePassage, SealChange } from './pack.ts';

/** Namespace of event ids: the same event of the same trip always has the same id. */
const EVENTS = 'c1b7d1ce-31d5-5b0b-8f6a-6a3d2f0a8e11';
const CONTEXT = 'https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld';
/** Every event happens in China Standard Time. */
const ZONE = '+08:00';

export type EpcisEvent = Record<string, unknown> & { type: string; eventTime: string };

/** An event and its subject, which distinguishes it from other events of the same type and time. */
interface Drawn {
  subject: string;
  event: EpcisEvent;
}

const containerUri = (containerNo: string) => `urn:epc:id:bic:${containerNo}`;
const lockUri = (lockId: string) => `urn:sealwatch:lock:${lockId}`;
const officeUri = (office: string) => `urn:sealwatch:office:${office}`;
const geoUri = (at: { lon: number; lat: number }) => `geo:${at.lat},${at.lon}`;

/** Closed means that the rope is in, the motor locked and the cover shut. */
export const isClosed = (seal: SealState): boolean =>
  seal.rope === 'inserted' && seal.motor === 'locked' && seal.cover === 'closed';

/**
 * The trip as an EPCIS 2.0 document (JSON-LD): lock and container associated and parted, departing, arriving, inspecting,
 * the container closed and open, sensor readings of the lock. Containers are BIC codes (`urn:epc:id:bic:`); locks and
 * offices have no GS1 key and are named by `urn:sealwatch:`.
 */
export function epcisDocument(pack: EvidencePack): Record<string, unknown> {
  const { trip } = pack;
  const drawn = [
    ...associations(pack),
    ...journey(pack),
    ...pack.records.flatMap((digest) => digest.seals.map((change) => sealEvent(digest.containerNo, change))),
    ...pack.alarms.map((alarm) => alarmEvent(pack, alarm)),
    ...pack.passages.map((passage) => passageEvent(pack, passage)),
  ].sort((a, b) => a.event.eventTime.localeCompare(b.event.eventTime));
  return {
    '@context': [CONTEXT, { sealwatch: 'urn:sealwatch:epcis:' }],
    id: `urn:sealwatch:trip:${trip.tripId}`,
    type: 'EPCISDocument',
    schemaVersion: '2.0',
    creationDate: pack.generatedAt,
    'sealwatch:declarationNo': trip.declarationNo,
    'sealwatch:status': trip.status,
    'sealwatch:risk': trip.risk,
    'sealwatch:steps': trip.steps,
    'sealwatch:records': pack.records.map(({ seals, ...digest }) => digest),
    epcisBody: {
      eventList: identified(trip.tripId, drawn),
    },
  };
}

/**
 * Gives each event an id by its type, time, trip and subject, so that it keeps it when others come before it. Of events
 * that are equal in all of these the second, third … are numbered.
 */
function identified(tripId: string, drawn: Drawn[]): EpcisEvent[] {
  const equal = new Map<string, number>();
  return drawn.map(({ subject, event }) => {
    const name = JSON.stringify([tripId, event.type, event.eventTime, subject]);
    const before = equal.get(name) ?? 0;
    equal.set(name, before + 1);
    const id = uuidV5(before === 0 ? name : `${name} ${before}`, EVENTS);
    return { ...event, eventID: `urn:uuid:${id}` };
  });
}

const subjectOf = (...parts: (string | number | undefined)[]): string => JSON.stringify(parts);

const base = (type: string, eventTime: string) => ({ type, eventTime, eventTimeZoneOffset: ZONE });

function transactions({ trip }: EvidencePack) {
  const declaration = `urn:sealwatch:declaration:${trip.declarationNo}`;
  return {
    bizTransactionList: [{ type: 'urn:sealwatch:btt:transit-declaration', bizTransaction: declaration }],
  };
}

/** Lock ↔ container: added at sealing, deleted at unlocking. */
function associations(pack: EvidencePack): Drawn[] {
  const { trip } = pack;
  return trip.units.flatMap(({ containerNo, lockId, mechanicalSealNo }) => {
    const link = (at: string, action: 'ADD' | 'DELETE', more: object): Drawn => ({
      subject: subjectOf(action, containerNo, lockId),
      event: {
        ...base('AssociationEvent', at),
        parentID: containerUri(containerNo),
        childEPCs: [lockUri(lockId)],
        action,
        ...more,
        ...transactions(pack),
        ...(mechanicalSealNo === undefined ? {} : { 'sealwatch:mechanicalSealNo': mechanicalSealNo }),
      },
    });
    const at = (office: string) => ({ bizLocation: { id: officeUri(office) } });
    return [
      ...(trip.sealedAt === undefined
        ? []
        : [
            link(trip.sealedAt, 'ADD', {
              bizStep: 'installing',
              disposition: 'container_closed',
              ...at(trip.originOffice),
            }),
          ]),
      ...(trip.unlockedAt === undefined
        ? []
        : [
            link(trip.unlockedAt, 'DELETE', {
              bizStep: 'removing',
              disposition: 'container_open',
              ...at(trip.destinationOffice),
            }),
          ]),
    ];
  });
}

const everything = ({ trip }: EvidencePack) =>
  trip.units.flatMap(({ containerNo, lockId }) => [containerUri(containerNo), lockUri(lockId)]);

function journey(pack: EvidencePack): Drawn[] {
  const { trip } = pack;
  const seen = (at: string | undefined, bizStep: string, disposition: string, office: string): Drawn[] =>
    at === undefined
      ? []
      : [
          {
            subject: subjectOf(bizStep),
            event: {
              ...base('ObjectEvent', at),
              action: 'OBSERVE',
              epcList: everything(pack),
              bizStep,
              disposition,
              bizLocation: { id: officeUri(office) },
              ...transactions(pack),
            },
          },
        ];
  const verify = trip.steps.find((step) => step.step === 'verify');
  const sound = verify?.checks.every((check) => check.passed) === true && trip.risk !== 'red';
  return [
    ...seen(trip.departedAt, 'departing', 'in_transit', trip.originOffice),
    ...seen(trip.arrivedAt, 'arriving', 'in_progress', trip.destinationOffice),
    ...seen(trip.verifiedAt, 'inspecting', sound ? 'conformant' : 'non_conformant', trip.destinationOffice),
  ];
}

const text = (name: string, value: string) => ({ type: `urn:sealwatch:sensor:${name}`, stringValue: value });

const reported = (name: string, value: string | undefined) => (value === undefined ? [] : [text(name, value)]);

/** Open if a reported part is open; closed only if all parts are reported and closed. */
function dispositionOf(seal: SealState): object {
  const { rope = 'inserted', motor = 'locked', cover = 'closed' } = seal;
  if (!isClosed({ rope, motor, cover })) return { disposition: 'container_open' };
  return isClosed(seal) ? { disposition: 'container_closed' } : {};
}

/** Seal states that the lock reported. */
function sealEvent(containerNo: string, { at, lockId, seal, position }: SealChange): Drawn {
  return {
    subject: subjectOf(
      'seal',
      containerNo,
      lockId,
      seal.rope,
      seal.motor,
      seal.cover,
      seal.useCount,
      position?.lon,
      position?.lat,
    ),
    event: {
      ...base('ObjectEvent', at),
      action: 'OBSERVE',
      epcList: [containerUri(containerNo), lockUri(lockId)],
      bizStep: 'sensor_reporting',
      ...dispositionOf(seal),
      ...(position === undefined ? {} : { readPoint: { id: geoUri(position) } }),
      sensorElementList: [
        {
          sensorMetadata: { time: at, deviceID: lockUri(lockId) },
          sensorReport: [
            ...reported('rope', seal.rope),
            ...reported('motor', seal.motor),
            ...reported('cover', seal.cover),
            ...(seal.useCount === undefined ? [] : [{ type: 'urn:sealwatch:sensor:use-count', value: seal.useCount }]),
          ],
        },
      ],
    },
  };
}

const given = (key: string, value: unknown) => (value === undefined ? {} : { [`sealwatch:${key}`]: value });

function alarmEvent({ trip }: EvidencePack, alarm: Alarm): Drawn {
  const unit = trip.units.find(({ lockId }) => lockId === alarm.lockId);
  const { maxDistanceM } = alarm;
  return {
    subject: subjectOf('alarm', alarm.alarmId),
    event: {
      ...base('ObjectEvent', alarm.startedAt),
      recordTime: alarm.raisedAt,
      action: 'OBSERVE',
      epcList: [...(unit === undefined ? [] : [containerUri(unit.containerNo)]), lockUri(alarm.lockId)],
      bizStep: 'sensor_reporting',
      ...(alarm.position === undefined ? {} : { readPoint: { id: geoUri(alarm.position) } }),
      sensorElementList: [
        {
          sensorMetadata: {
            startTime: alarm.startedAt,
            ...(alarm.endedAt === undefined ? {} : { endTime: alarm.endedAt }),
            deviceID: lockUri(alarm.lockId),
          },
          sensorReport: [
            { ...text('alarm', alarm.rule), exception: 'ALARM_CONDITION' },
            ...(maxDistanceM === undefined
              ? []
              : [{ type: 'urn:sealwatch:sensor:distance-from-route', maxValue: maxDistanceM, uom: 'MTR' }]),
          ],
        },
      ],
      'sealwatch:alarmId': alarm.alarmId,
      'sealwatch:severity': alarm.severity,
      'sealwatch:state': alarm.state,
      'sealwatch:detectedLate': alarm.detectedLate,
      ...given('acknowledgedBy', alarm.acknowledgedBy),
      ...given('acknowledgedAt', alarm.acknowledgedAt),
      ...given('disposedBy', alarm.disposedBy),
      ...given('disposedAt', alarm.disposedAt),
      ...given('disposal', alarm.disposal),
    },
  };
}

const DISPOSITIONS = { release: 'conformant', manual: 'unknown', alarm: 'non_conformant' } as const;

function passageEvent(pack: EvidencePack, passage: GatePassage): Drawn {
  return {
    subject: subjectOf('passage', passage.gateId, passage.passageId),
    event: {
      ...base('ObjectEvent', passage.at),
      action: 'OBSERVE',
      epcList: everything(pack),
      bizStep: 'inspecting',
      disposition: DISPOSITIONS[passage.verdict],
      readPoint: { id: `urn:sealwatch:gate:${encodeURIComponent(passage.gateId)}` },
      ...transactions(pack),
      'sealwatch:verdict': passage.verdict,
      'sealwatch:reasons': passage.reasons,
      ...given('decision', passage.decision),
    },
  };
}
