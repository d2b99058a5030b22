import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Files that take long, longest first. Those of the browser come together, because a worker that goes on with a file of
 * another project starts anew, and its browser too.
 */
const LONGEST = [
  'test/demo.test.ts',
  'monitor-ui/test/browser/wall.test.ts',
  'test/consoles.test.ts',
  'test/account.test.ts',
  'test/outage.test.ts',
  'test/basemap.test.ts',
  'test/scenarios.test.ts',
  'test/pair.test.ts',
  'ingest/test/api/objects.test.ts',
  'test/ending.test.ts',
  'ingest/test/alarms/escalation.test.ts',
  'test/simulator.test.ts',
  'ingest/test/proof/killed.test.ts',
  'ingest/test/proof/database.test.ts',
  'ingest/test/tracker/order.test.ts',
  'simulator/test/platform.test.ts',
];

/** Starts the longest files first, so that none of them is left to run alone at the end. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = LONGEST.findIndex((file) => moduleId.endsWith(`/${file}`));
      return at < 0 ? LONGEST.length : at;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}
