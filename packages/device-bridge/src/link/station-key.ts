import { readFile } from 'node:fs/promises';
import { stationAnswer } from '@atesto/shared/contracts/gateway';
import type * as z from 'zod';

/** Who the station is at the gateway. */
export type StationIdentity = z.infer<typeof stationAnswer>;

/** The identity that an enrolment left; undefined where there was none. @throws Error for a file that is not one */
export async function readStationKey(file: string): Promise<StationIdentity | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return stationAnswer.parse(JSON.parse(text));
  } catch {
    // The parser's own message could show what stands there.
    throw new Error(`the station key in ${file} cannot be read: enrol the station again`);
  }
}
