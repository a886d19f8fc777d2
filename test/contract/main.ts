import { runSpidContract } from './spid.ts';

/** `npm run contract -- spid`: one line for every operation of SPID Server, client against simulator over a real socket. */
const [what] = process.argv.slice(2);
if (what === 'spid') {
  const { failed } = await runSpidContract((line) => process.stdout.write(`${line}\n`));
  process.exitCode = failed === 0 ? 0 : 1;
} else {
  process.stderr.write('Say which contract: npm run contract -- spid\n');
  process.exitCode = 1;
}
