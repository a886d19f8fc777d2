import type { Random } from '../people/random.ts';
import { sensorHeight, sensorWidth } from './geometry.ts';
import { type Block, block } from './scramble.ts';

/** The tables of the two readers whose traffic is on record. */
export const recordedTables = {
  'uareu-4500': table('2:72 0:1 2:49 1:1 0:1 2:49 0:1 2:116'),
  'microsoft-v2': table('2:67 0:1 2:49 1:1 0:1 2:49 0:1 2:121'),
} as const;

/** All rows in clear, one of them absent, as every frame has one. */
export const clearTable: readonly Block[] = table('0:120 1:1 0:169');

/** A table in the notation of the reference, `flags:rows` with flags in hexadecimal. */
export function table(text: string): readonly Block[] {
  return text.split(' ').map((pair) => {
    const [flags = '', rows = ''] = pair.split(':');
    return { flags: Number.parseInt(flags, 16), rows: Number(rows) };
  });
}

/**
 * A table as readers make them: encrypted stretches, single rows in clear, a repeated row, sometimes rows in clear over
 * which the key rests, sometimes a change of key in mid-frame. It always begins with an encrypted stretch, because the
 * host judges by the first two rows whether the frame is scrambled.
 */
export function drawTable(stream: Random): readonly Block[] {
  const absentAfter = stream.integer(0, 2);
  const blocks: Block[] = [];
  let left = sensorHeight - 4;
  for (let stretch = 0; stretch < 3; stretch++) {
    const rows = stream.integer(20, 80);
    blocks.push(encrypted(stream, rows, stretch > 0));
    if (stretch === absentAfter) blocks.push({ flags: block.absent, rows: 1 });
    blocks.push({ flags: stream.chance(0.25) ? block.keyRests : 0, rows: 1 });
    left -= rows;
  }
  // At least 46 and at most 226 rows are left: they fit a block's byte.
  blocks.push(encrypted(stream, left, true));
  return blocks;
}

function encrypted(stream: Random, rows: number, mayChangeKey: boolean): Block {
  return { flags: block.encrypted | (mayChangeKey && stream.chance(0.3) ? block.nextKey : 0), rows };
}

/**
 * The host's own test: how much the sums of the first two rows scatter. Cells that fail it in clear would be taken for
 * scrambled ones.
 */
export function looksScrambled(cells: Uint8Array): boolean {
  const sums = Array.from({ length: sensorWidth }, (_, x) => (cells[x] as number) + (cells[x + sensorWidth] as number));
  const mean = Math.floor(sums.reduce((sum, value) => sum + value, 0) / sensorWidth);
  const scatter = sums.reduce((sum, value) => sum + (value - mean) ** 2, 0) / sensorWidth;
  return scatter >= 5000;
}
