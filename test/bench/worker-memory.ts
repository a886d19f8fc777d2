import type { ServiceProcess } from '../stack/processes.ts';
import { waitFor } from '../stack/wait-for.ts';
import { bodiesOf, LARGE, numbersIn } from './bodies.ts';
import { openSubmitters } from './contender-atesto.ts';
import { fillWithCopies } from './copies.ts';
import { median, table } from './numbers.ts';
import { statusOf } from './processor.ts';
import type { Measured } from './rows.ts';
import { openServers, openStub, type Place } from './servers.ts';

/** Sealed bodies that lie in the vault. Many transactions are sent from each: the ledger holds it open, whoever else does. */
const SEALED = 50;
/** Put into the ledger at a time; the sweep brings them into line. */
const LOT = 1_000;
const CONCURRENCY = 100;
const SAMPLE_MS = 100;

/** A worker's memory after so many submits, beside after ten times as many. */
export async function measureWorkerMemory(
  options: Place & { memoryAt: readonly [number, number] },
): Promise<{ text: string; rows: Measured[] }> {
  const { report, memoryAt } = options;
  const servers = await openServers(options);
  const stub = await openStub(options);
  const { installation, workers } = await openSubmitters(options, 'memory', {
    servers,
    stub,
    redis: servers.redisUrl(),
    env: { WORKER_CONCURRENCY: String(CONCURRENCY) },
  });
  const { db, accept, seal } = installation;
  const worker = workers[0] as ServiceProcess;
  const bodies = bodiesOf(LARGE);
  const originals = [];
  for (const number of numbersIn({ from: 0, count: SEALED }))
    originals.push(await accept(await seal(bodies.of(number))));
  const checksums = new Map(numbersIn({ from: 0, count: SEALED }).map((number) => [number, bodies.checksumOf(number)]));

  const began = performance.now();
  const marks: { at: number; settled: number; most: number; seconds: number }[] = [];
  for (let sent = 0; sent < memoryAt[1]; ) {
    const samples: number[] = [];
    let ended = false;
    void worker.exited.then(() => {
      ended = true;
    });
    const sampling = setInterval(() => ended || samples.push(statusOf(worker, 'VmRSS')), SAMPLE_MS);
    for (const original of originals) {
      await fillWithCopies(db, original, LOT / SEALED, { state: 'accepted', dueInMs: 0, analyze: false });
    }
    await stub.until(LOT);
    await waitFor(async () => (await inHand()) === 0, { what: 'the outcomes of a lot', timeoutMs: 60_000 });
    clearInterval(sampling);
    const { arrivals } = await stub.take();
    const wrong = arrivals.filter(({ number = -1, checksum }) => checksums.get(number) !== checksum);
    if (arrivals.length !== LOT || wrong.length > 0)
      throw new Error(`${arrivals.length} of ${LOT} bodies arrived, ${wrong.length} damaged`);
    sent += LOT;
    if (sent === memoryAt[0] || sent >= memoryAt[1]) {
      const mark = { at: sent, settled: median(samples), most: Math.max(...samples) };
      marks.push({ ...mark, seconds: (performance.now() - began) / 1000 });
      report(`after ${sent} submits: ${mark.settled.toFixed(0)} MiB`);
    }
  }
  async function inHand(): Promise<number> {
    const { rows } = await db.query(
      `select count(*)::int as count from transactions where due_at is not null and not (state = 'awaiting' and account is not null)`,
    );
    return (rows[0].count as number) - SEALED;
  }
  const [first, last] = marks as [(typeof marks)[number], (typeof marks)[number]];
  return {
    text: [
      `A worker's memory: submits of ${bodies.bytes} bytes at ${CONCURRENCY} at a time, every body whole. VmRSS while a lot of ${LOT} is sent:`,
      '',
      table(
        ['after submits', 'median, MiB', 'most, MiB', 'after seconds'],
        marks.map(({ at, settled, most, seconds }) => [
          String(at),
          settled.toFixed(1),
          most.toFixed(1),
          seconds.toFixed(0),
        ]),
      ),
    ].join('\n'),
    rows: [
      {
        row: 'memory',
        values: [last.settled / first.settled],
        raw: `${first.settled.toFixed(0)} MiB after ${first.at}, ${last.settled.toFixed(0)} MiB after ${last.at} submits`,
      },
    ],
  };
}
