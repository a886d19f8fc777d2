import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { openHouse } from '../stack/house.ts';
import { openProcesses } from '../stack/processes.ts';
import { journeys } from './journeys.ts';
import { writeReport } from './report.ts';
import { openScene } from './scene.ts';
import { TimeLine } from './time-line.ts';

/**
 * `npm run demo`: every service of the house as its own process, virtual people before a virtual reader, and the journeys of a branch's day. Each is
 * shown as a short time line; the last line counts them.
 */
const dir = path.resolve('.atesto/demo');
await rm(dir, { recursive: true, force: true });
await mkdir(dir, { recursive: true });
const processes = openProcesses({ logDir: path.join(dir, 'logs'), endWithUs: true });

const began = performance.now();
let passed = 0;
const told: TimeLine[] = [];
try {
  console.log('Atesto demo: starting the house (each service is a process of its own)');
  const house = await openHouse({ dir, processes, report: (line) => console.log(`  · ${line}`) });
  const scene = await openScene(house, dir, (line) => console.log(`  · ${line}`));
  for (const [title, play] of Object.entries(journeys)) {
    const line = new TimeLine(title);
    told.push(line);
    console.log(`\n${told.length}. ${title}`);
    line.onStep = (step) => console.log(`   ${step}`);
    try {
      await play(scene, line);
      line.end();
      passed++;
    } catch (error) {
      line.end(error);
    }
    console.log(`   ${line.verdict}`);
  }
  const report = path.join(dir, 'report.html');
  await writeFile(report, await writeReport(told, scene));
  console.log(`\nReport with pictures, and the reports of each operation as PDF: ${path.relative('.', report)}`);
  console.log(`Logs of every service: ${path.relative('.', path.join(dir, 'logs'))}`);
} catch (error) {
  console.error(`The demo could not go on: ${error instanceof Error ? error.message : String(error)}`);
}
await processes.stopAll();
const total = Object.keys(journeys).length;
console.log(`It took ${Math.round((performance.now() - began) / 1000)} s.`);
console.log(`demo: ${total} journeys, ${passed} passed, ${total - passed} failed`);
process.exit(passed === total ? 0 : 1);
