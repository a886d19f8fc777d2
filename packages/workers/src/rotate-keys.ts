/**
 * After a new key was put in front of ATESTO_KEK: brings all rows under it, and then the old one can be taken out of the ring. Reads the workers'
 * settings; services with both keys in their ring may run meanwhile.
 */
import { refuseForeignKeys, resolveKeys } from '@atesto/shared/config/keys';
import { SettingsError } from '@atesto/shared/config/settings';
import { readWorkersSettings } from '@atesto/shared/config/workers';
import { migrate, openDatabase } from '@atesto/shared/ledger/database';
import { findForeignKeys, forgetOtherKeys } from '@atesto/shared/ledger/key-marks';
import { keyMarks } from '@atesto/shared/vault/key-marks';
import { createKeyRing, parseKey, parseKeyRing } from '@atesto/shared/vault/key-ring';
import { rotateKeys } from './rotate/rotate-keys.ts';

try {
  const settings = readWorkersSettings(process.env);
  const keys = await resolveKeys(settings.keys, settings.stateDir);
  const keyRing = createKeyRing(parseKeyRing(keys.kek), parseKey(keys.indexKey));
  await migrate(settings.databaseUrl);
  const db = openDatabase({ url: settings.databaseUrl }, () => {});
  refuseForeignKeys(await findForeignKeys(db, keyMarks(keyRing)), keys);
  const renewed = await rotateKeys(db, keyRing);
  // What was renewed may have been sealed just now, by a service that has another key in front.
  const isOver = Object.values(renewed).every((count) => count === 0);
  if (isOver) await forgetOtherKeys(db, keyRing.activeKeyId);
  await db.end();
  const counts = Object.entries(renewed).map(([what, count]) => `${count} ${what}`);
  const next = isOver ? 'Other keys may be taken out of ATESTO_KEK.' : 'Run it again, until it says 0 everywhere.';
  process.stdout.write(`Renewed under key ${keyRing.activeKeyId}: ${counts.join(', ')}. ${next}\n`);
} catch (error) {
  if (!(error instanceof SettingsError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
