import { Time } from '@sealwatch/schemas';
import { z } from 'zod';
import { readEvents } from './events.ts';
import { at, type Fault, quote } from './faults.ts';
import type { Field, FieldTable, Group } from './fields.ts';
import { type LeftOut, leaveOut } from './left-out.ts';
import type { TrackedReport } from './report.ts';
import { isStorable, isWord } from './storable.ts';

/** A record, and what of the report is not in it. */
export interface Taken {
  record: TrackedReport;
  leftOut: readonly LeftOut[];
}

/** Reads any report. A fault: it has no identity. */
export type FieldReader = (lockId: string, value: unknown, receivedMs: number) => Taken | Fault;

type Values = Record<string, unknown>;

/** Before it no satellite clock counts; a lock that lost its clock says 1970 or 1980, and is believed. */
const EARLIEST_MS = 0;

/** Stands for the source or the kind of something where neither is a word. */
const OTHER = 'other';

const STORABLE = 'expected text without U+0000 or half characters';

/**
 * Reads a report field by field: what cannot be is left out, at the smallest member, and the others are taken. null is
 * absent. A report without an identity (boot, seq, time: the fields that must be there) is refused.
 */
export function fieldReader({ fields, groups }: FieldTable): FieldReader {
  return (lockId, value, receivedMs) => {
    if (!isObject(value)) return invalid('record', value, 'expected a report');
    const timeMs = timeOf(own(value, 'time'));
    if (!(timeMs >= EARLIEST_MS)) {
      return invalid(
        'time',
        own(value, 'time'),
        'expected an RFC 3339 time from 1970 on, e.g. 2026-11-21T03:04:05.000Z',
      );
    }
    const leftOut: LeftOut[] = [];
    if (own(value, 'v') !== 1) leaveOut(leftOut, 'v', own(value, 'v'), 'expected 1');
    const record: Values = { lockId, timeMs, receivedMs };
    for (const field of fields) {
      const read = readField(field, field.key, own(value, field.key), leftOut);
      if (read === undefined && field.required) return missing(field, value);
      if (read !== undefined) record[field.key] = read;
    }
    for (const group of groups) {
      const read = readGroup(group, own(value, group.key), leftOut);
      if (read === undefined && group.required) return invalid(group.key, own(value, group.key), 'expected a group');
      if (read !== undefined) record[group.key] = read;
    }
    return { record: record as unknown as TrackedReport, leftOut };
  };
}

function missing({ key, schema }: Field, value: Values): Fault {
  const given = own(value, key);
  return invalid(key, given, z.safeParse(schema, given).error?.issues[0]?.message ?? STORABLE);
}

function invalid(field: string, value: unknown, expected: string): Fault {
  return { reason: 'invalid', detail: `${field}: ${quote(value)}, ${expected}` };
}

/** The value to keep of a field; undefined: none. */
function readField(field: Field, path: string, value: unknown, leftOut: LeftOut[]): unknown {
  if (value === undefined || value === null) return field.fallback;
  if (path === 'events') return readEvents(value, leftOut);
  if (field.isOpen && isWord(value)) return value;
  const { data, error } = z.safeParse(field.schema, value);
  const issue = error?.issues[0];
  if (!issue && isStorable(data)) return saysNothing(data) ? undefined : data;
  const below = issue?.path ?? [];
  leaveOut(leftOut, [path, ...below.map(String)].join('.'), at(value, below), issue?.message ?? STORABLE);
  // A position whose source cannot be read is not one of GNSS.
  return field.isOpen && field.fallback !== undefined ? OTHER : field.fallback;
}

function readGroup({ key, fields, schema, isPlain }: Group, value: unknown, leftOut: LeftOut[]): Values | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) {
    leaveOut(leftOut, key, value, 'expected an object');
    return undefined;
  }
  const required = fields.filter((field) => field.required);
  if (required.length > 0 && required.every((field) => isAbsent(own(value, field.key)))) return undefined;
  const group: Values = {};
  for (const field of fields) {
    const path = `${key}.${field.key}`;
    const read = readField(field, path, own(value, field.key), leftOut);
    if (read !== undefined) group[field.key] = read;
    else if (field.required && isAbsent(own(value, field.key))) leaveOut(leftOut, path, undefined, 'expected a value');
  }
  if (required.some((field) => group[field.key] === undefined) || saysNothing(group)) return undefined;
  if (isPlain) return group;
  const issue = z.safeParse(schema, group).error?.issues[0];
  if (issue) leaveOut(leftOut, key, value, issue.message);
  return issue ? undefined : group;
}

/** A group or a list without anything in it leaves no trace in the row either. */
function saysNothing(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

const LEAP_SECOND = /(?<=T\d\d:\d\d:)60(\.\d+)?(?=Z|[+-])/;

/** Epoch ms of an RFC 3339 time, whose letters may be small; second 60 is the last millisecond of its minute. Otherwise NaN. */
function timeOf(value: unknown): number {
  if (typeof value !== 'string') return Number.NaN;
  const { data } = Time.safeParse(value.toUpperCase().replace(LEAP_SECOND, '59.999'));
  return data === undefined ? Number.NaN : Date.parse(data);
}

function own(object: Values, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

const isAbsent = (value: unknown): boolean => value === undefined || value === null;

function isObject(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
