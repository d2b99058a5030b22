import { Risk, TripStatus, WALL_STATUS, type WallStatus } from '@sealwatch/schemas';
import { expect, test } from 'vitest';
import { colourOf } from '../../src/custody/colour.ts';

const ALARMS = {
  provisional: { rule: 'route.deviation', severity: 'critical', state: 'provisional' },
  minor: { rule: 'comms.no-fix', severity: 'minor', state: 'provisional' },
  silent: { rule: 'comms.silent', severity: 'major', state: 'open' },
} as const;

/** From what hides everything else to what is shown when nothing else is. */
const HIDES: WallStatus[] = ['idle', 'red', 'provisional', 'silent', 'amber', 'green'];

test('the colour of a trip is the first of idle, red, provisional, silent, amber and green that it has', () => {
  const seen = new Set<WallStatus>([colourOf(undefined)]);
  const sets = [[], ['minor'], ['silent'], ['provisional'], ['silent', 'provisional', 'minor']] as const;
  for (const status of TripStatus.options)
    for (const risk of Risk.options)
      for (const names of sets) {
        const held: WallStatus[] = [risk];
        if (status === 'closed' || status === 'cancelled') held.push('idle');
        if (names.some((name) => name === 'provisional')) held.push('provisional');
        if (names.some((name) => name === 'silent')) held.push('silent');
        const colour = colourOf({ status, risk, openAlarms: names.map((name) => ALARMS[name]) });
        expect([status, risk, ...names, colour]).toEqual([
          status,
          risk,
          ...names,
          HIDES.find((one) => held.includes(one)),
        ]);
        seen.add(colour);
      }
  expect([...seen].toSorted()).toEqual([...WALL_STATUS].toSorted());
});
