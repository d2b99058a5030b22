import { Report, TripDeclaration } from '@sealwatch/schemas';
import { describe, expect, it } from 'vitest';

const minimal = { v: 1, boot: 12, seq: 4711, time: '2026-11-21T03:04:05.000Z' };
const problems = (input: unknown) => Report.safeParse(input).error?.issues.map((issue) => issue.path.join('.'));

describe('a report', () => {
  it('needs only its version, identity and time; it is live unless it says otherwise', () => {
    expect(Report.parse(minimal)).toEqual({ ...minimal, kind: 'live' });
  });

  it('leaves unknown fields out and stays valid', () => {
    expect(Report.parse({ ...minimal, temperatureC: 21, position: { lon: 1, lat: 2, hdop: 1 } })).toEqual({
      ...minimal,
      kind: 'live',
      position: { lon: 1, lat: 2, source: 'gnss' },
    });
  });

  it.each([
    [{ ...minimal, position: { lon: 120, lat: 91 } }, 'position.lat'],
    [{ ...minimal, position: { lon: Number.NaN, lat: 1 } }, 'position.lon'],
    [{ ...minimal, position: { lon: 1, lat: Number.POSITIVE_INFINITY } }, 'position.lat'],
    [{ ...minimal, seq: -1 }, 'seq'],
    [{ ...minimal, seq: 4_294_967_296 }, 'seq'],
    [{ ...minimal, boot: 1.5 }, 'boot'],
    [{ ...minimal, time: 'yesterday' }, 'time'],
    [{ ...minimal, battery: { percent: 255 } }, 'battery.percent'],
    [{ ...minimal, v: 2 }, 'v'],
    [{ ...minimal, events: [{ type: 'unlock', source: 'magic' }] }, 'events.0.source'],
  ])('names the field that is wrong: %j', (input, path) => {
    expect(problems(input)).toEqual([path]);
  });
});

describe('a trip declaration', () => {
  const declaration = {
    declarationNo: '292120260123456789',
    originOffice: '2921',
    destinationOffice: '3104',
    routeId: 'yiwu-beilun',
    vehicle: { tractorPlate: '浙G12345' },
    units: [{ containerNo: 'MSKU9070323', lockId: 'JT70100001' }],
  };

  it('is by road unless it says otherwise', () => {
    expect(TripDeclaration.parse(declaration).mode).toBe('road');
  });

  it('names the container whose check digit is wrong, and the digit expected', () => {
    const wrong = { ...declaration, units: [{ containerNo: 'MSKU9070324', lockId: 'JT70100001' }] };
    const [issue] = TripDeclaration.safeParse(wrong).error?.issues ?? [];
    expect(issue?.path).toEqual(['units', 0, 'containerNo']);
    expect(issue?.message).toContain('check digit 3');
  });
});
