/** The numbers of a version in order, e.g. `2.26.4-dev` as 2, 26, 4. */
const numbersOf = (version: string): number[] => version.split(/[.-]/).slice(0, 3).map(Number);

function isBefore(version: string, other: string): boolean {
  const [ours, theirs] = [numbersOf(version), numbersOf(other)];
  const at = theirs.findIndex((number, i) => number !== (ours[i] ?? 0));
  return at !== -1 && (ours[at] ?? 0) < (theirs[at] ?? 0);
}

export interface VersionFault {
  state: 'warning';
  text: string;
  hint: string;
}

/**
 * The error of every background job where PostgreSQL refuses to drop a portal that was never started: after the job has
 * committed its work. Recorded as failed, it is put off longer each time, at most to five times its interval.
 */
export const PORTAL_ERROR = /cannot drop portal .* while it is being set up/;

export const PORTAL_HINT =
  'The jobs do their work before they fail, but run more and more seldom, and a failure of another kind is hard to see. ' +
  'Use PostgreSQL 16 or newer with the newest TimescaleDB and see that reports.jobs is ok; until then let cron run CALL run_job(ID).';

const NEWER = 'Update the extension: install 2.30.2 or newer on the server, then ALTER EXTENSION timescaledb UPDATE.';

/**
 * What is known to be wrong with these versions, from the changelog of TimescaleDB and from trying.
 * @param postgres `server_version_num`, e.g. 150020
 * @param timescale e.g. `2.26.4`
 */
export function knownFaults(postgres: number, timescale: string): VersionFault[] {
  const faults: VersionFault[] = [];
  // tried: 15.18 with 2.26.4 works, 15.20 does not; 2.28.3 is the last for PostgreSQL 15 and has the same code
  if (postgres >= 150_020 && postgres < 160_000) {
    const text = `PostgreSQL 15.20 or newer 15 records every background job of TimescaleDB ${timescale} as failed`;
    faults.push({ state: 'warning', text, hint: PORTAL_HINT });
  }
  if (isBefore(timescale, '2.28.0')) {
    const text = `TimescaleDB ${timescale}: its policy may skip days (mended in 2.27.0), and a job may wait for ever (2.28.0)`;
    faults.push({ state: 'warning', text, hint: NEWER });
  }
  if (isBefore(timescale, '2.29.1')) {
    const text = `TimescaleDB ${timescale} has the weaknesses of the advisory GHSA-hcfx-29v5-2rcw (mended in 2.29.1)`;
    const oldServer = 'TimescaleDB 2.29 needs PostgreSQL 16 or newer. ';
    faults.push({ state: 'warning', text, hint: postgres < 160_000 ? oldServer + NEWER : NEWER });
  }
  return faults;
}
