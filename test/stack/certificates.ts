import { spawnSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { findProgram, installProgram } from './programs.ts';
import { StackError } from './stack-error.ts';

/** Files of a server's certificate for 127.0.0.1, which is its own authority. */
export interface Certificate {
  certificate: string;
  key: string;
}

/** Makes one that holds for two days. @throws StackError where there is no openssl and none can be installed */
export async function makeCertificate(dir: string): Promise<Certificate> {
  const openssl = findProgram(['openssl']) ?? (await installProgram('openssl', ['openssl'], console.log));
  if (openssl === undefined)
    throw new StackError('missing', 'No openssl: install it (Debian: apt-get install -y openssl).');
  await mkdir(dir, { recursive: true });
  const files = { certificate: path.join(dir, 'certificate.pem'), key: path.join(dir, 'key.pem') };
  const made = spawnSync(
    openssl,
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
      ...['-subj', '/CN=atesto test', '-addext', 'subjectAltName=IP:127.0.0.1'],
      ...['-keyout', files.key, '-out', files.certificate],
    ],
    { encoding: 'utf8' },
  );
  if (made.status !== 0) throw new StackError('failed', `openssl made no certificate: ${made.stderr.trim()}`);
  return files;
}
