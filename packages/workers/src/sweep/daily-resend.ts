import type { Database } from '@atesto/shared/ledger/database';
import { beginDailyResend } from '@atesto/shared/ledger/resends';

/**
 * Begins the day's run over everything that failed, at `at` (`HH:MM`, this process's clock) or, where nobody worked then, later that day. Several
 * processes begin one; where a run over everything is under way, that one is the day's, unless it is yesterday's: then today's comes after it.
 * @returns what to call in each round; it asks the ledger until the day has its run.
 */
export function dailyResend(db: Database, at: string | undefined): (now: Date) => Promise<void> {
  let seen: string | undefined;
  return async (now) => {
    if (at === undefined) return;
    const [day, time] = [localDay(now), `${two(now.getHours())}:${two(now.getMinutes())}`];
    if (seen === day || time < at) return;
    if (await beginDailyResend(db, day)) seen = day;
  };
}

const two = (number: number) => String(number).padStart(2, '0');
const localDay = (now: Date) => `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
