/**
 * After a new key was put in front of ATESTO_KEK: brings all rows under it, and then the old one can be taken out of the ring. Reads the workers'
 * settings; services with both keys in their ring may run meanwhile.
 */
import { resolveKeys } from '@atesto/shared/config/keys';
import { readWorkersSettings } from '@atesto/shared/config/workers';
import { openDatabase } from '@atesto/shared/ledger/database';
import { createKeyRing, parseKey, parseKeyRing } from '@atesto/shared/vault/key-ring';
import { rotateKeys } from './rotate/rotate-keys.ts';

const settings = readWorkersSettings(process.env);
const keys = await resolveKeys(settings.keys, settings.stateDir);
const keyRing = createKeyRing(parseKeyRing(keys.kek), parseKey(keys.indexKey));
const db = openDatabase({ url: settings.databaseUrl }, () => {});
const renewed = await rotateKeys(db, keyRing);
await db.end();
process.stdout.write(
  `Renewed under key ${keyRing.activeKeyId}: ${Object.entries(renewed)
    .map(([what, count]) => `${count} ${what}`)
    .join(', ')}.\n`,
);
