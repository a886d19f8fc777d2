import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Recordings of real readers lie beside the repository: they carry another licence. */
const FOLDER = fileURLToPath(new URL('../../../../../shared/data/recordings/', import.meta.url));

/** Files of one recording, or why there are none; that is also printed, since a summary shows only the number of skipped tests. */
export function recording(name: string): { usb: Uint8Array; png: Uint8Array } | { missing: string } {
  const folder = `${FOLDER}${name}`;
  if (!existsSync(`${folder}/capture.pcapng`)) {
    const missing = `no recording at ${folder}`;
    process.stderr.write(`skipped: ${missing}\n`);
    return { missing };
  }
  return { usb: readFileSync(`${folder}/capture.pcapng`), png: readFileSync(`${folder}/capture.png`) };
}
