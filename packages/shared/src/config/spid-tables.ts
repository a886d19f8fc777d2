import {
  applyProfile,
  defaultSpidTables,
  parseSpidProfile,
  SpidProfileError,
  type SpidTables,
} from '../contracts/spid-profile.ts';
import { SettingsError } from './settings.ts';

/** The tables as the text of `SPID_PROFILE`'s file wants them. @throws SettingsError that names every place in the file */
export function spidTables(profile: string | undefined): SpidTables {
  if (profile === undefined) return defaultSpidTables;
  try {
    return applyProfile(defaultSpidTables, parseSpidProfile(profile));
  } catch (error) {
    if (!(error instanceof SpidProfileError)) throw error;
    throw new SettingsError(error.faults.map((problem) => ({ setting: 'SPID_PROFILE', problem })));
  }
}
