import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { openProcesses } from '../stack/processes.ts';
import { runIdcloudContract } from './idcloud.ts';
import { openContractHouse } from './idcloud-contract-house.ts';
import { callRows, operationRows, runSpidContract } from './spid.ts';
import { openFaceHouse } from './spid-face-house.ts';
import { openServicesHouse } from './spid-services-house.ts';

/**
 * `npm run contract -- spid`: one line for every operation of SPID Server, client against simulator and against the gateway's face before it, and for
 * every call of SPID Services, at a station of a whole house and through its gateway; all over real sockets.
 *
 * `npm run contract -- idcloud`: one line for every scenario, route and error code of IDCloud, between clients and simulator, and through the gateway's face
 * with workers behind it.
 */
const write = (line: string) => process.stdout.write(`${line}\n`);
const contracts: Record<string, () => Promise<{ failed: number }>> = { spid, idcloud };

const [what = ''] = process.argv.slice(2);
const contract = Object.hasOwn(contracts, what) ? contracts[what] : undefined;
if (contract) {
  process.exit(await exitCode(contract));
} else {
  process.stderr.write('Say which contract: npm run contract -- spid, or npm run contract -- idcloud\n');
  process.exitCode = 1;
}

async function exitCode(tryIt: () => Promise<{ failed: number }>): Promise<number> {
  try {
    return (await tryIt()).failed === 0 ? 0 : 1;
  } catch (error) {
    process.stderr.write(
      `The contract could not be tried: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    return 1;
  }
}

async function spid(): Promise<{ failed: number }> {
  const dir = path.resolve('.atesto/contract');
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  const processes = openProcesses({ logDir: path.join(dir, 'logs'), endWithUs: true });
  try {
    const face = await openFaceHouse();
    try {
      const services = await openServicesHouse(dir, processes);
      return await runSpidContract(write, [...operationRows(() => face), ...callRows(() => services)]);
    } finally {
      await face.close();
    }
  } finally {
    await processes.stopAll();
  }
}

async function idcloud(): Promise<{ failed: number }> {
  const house = await openContractHouse();
  try {
    return await runIdcloudContract(write, house);
  } finally {
    await house.close();
  }
}
