import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Profile, readProfile } from '../src/index.ts';

const FOLDER = join(import.meta.dirname, '../profiles');

/** The profiles that come with the bridge, by name. */
export const PROFILES: ReadonlyMap<string, Profile> = new Map(
  readdirSync(FOLDER).map((file) => {
    const profile = readProfile(readFileSync(join(FOLDER, file), 'utf8'), file);
    return [profile.profile, profile];
  }),
);

export function profileOf(name: string): Profile {
  const profile = PROFILES.get(name);
  if (profile === undefined) throw new Error(`no profile ${name}`);
  return profile;
}
