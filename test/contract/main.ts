import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { openProcesses } from '../stack/processes.ts';
import { callRows, operationRows, runSpidContract } from './spid.ts';
import { openFaceHouse } from './spid-face-house.ts';
import { openServicesHouse } from './spid-services-house.ts';

/**
 * `npm run contract -- spid`: one line for every operation of SPID Server, client against simulator and against the gateway's face before it, and for
 * every call of SPID Services, at a station of a whole house and through its gateway; all over real sockets.
 */
const [what] = process.argv.slice(2);
if (what === 'spid') {
  process.exit(await spid());
} else {
  process.stderr.write('Say which contract: npm run contract -- spid\n');
  process.exitCode = 1;
}

async function spid(): Promise<number> {
  const dir = path.resolve('.atesto/contract');
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  const processes = openProcesses({ logDir: path.join(dir, 'logs'), endWithUs: true });
  try {
    const face = await openFaceHouse();
    try {
      const services = await openServicesHouse(dir, processes);
      const rows = [...operationRows(() => face), ...callRows(() => services)];
      const { failed } = await runSpidContract((line) => process.stdout.write(`${line}\n`), rows);
      return failed === 0 ? 0 : 1;
    } finally {
      await face.close();
    }
  } catch (error) {
    process.stderr.write(
      `The contract could not be tried: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    return 1;
  } finally {
    await processes.stopAll();
  }
}
