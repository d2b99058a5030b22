/** The numbers of a version in order, e.g. `2.26.4-dev` as 2, 26, 4. */
const numbersOf = (version: string): number[] => version.split(/[.-]/).slice(0, 3).map(Number);

function isBefore(version: string, other: string): boolean {
  const [ours, theirs] = [numbersOf(version), numbersOf(other)];
  const at = theirs.findIndex((number, i) => number !== (ours[i] ?? 0));
  return at !== -1 && (ours[at] ?? 0) < (theirs[at] ?? 0);
}

export interface VersionFault {
  state: 'warning' | 'problem';
  text: string;
  hint: string;
}

/** The error of every background job where PostgreSQL no longer drops a portal that was never started. */
export const PORTAL_ERROR = /cannot drop portal .* while it is being set up/;

export const PORTAL_HINT =
  'This PostgreSQL and this TimescaleDB do not fit: see docs/decisions/0027. Use PostgreSQL 16 or newer with the newest TimescaleDB; ' +
  'until then let cron run CALL run_job(ID) for each policy, which works.';

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
    const text = `no background job of TimescaleDB ${timescale} succeeds on PostgreSQL 15.20 or newer 15: old days are not turned into columns`;
    faults.push({ state: 'problem', text, hint: PORTAL_HINT });
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
