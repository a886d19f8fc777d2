import { createHash } from 'node:crypto';
import type { SystemStatus } from '@atesto/shared/contracts/spid-server';

type Services = SystemStatus['data'];

/** The version that the simulator plays. */
export const SPID_SERVER_VERSION = '4.2.12';
export const clientSystems = ['windows', 'linux'] as const;

/** The services behind the server, and the open sessions of the older family. */
export class SystemServices {
  readonly sessions = new Set<string>();
  services: Services = { psbioStatus: 'ACTIVE', spidxStatus: 'ACTIVE', gbdsStatus: 'ACTIVE', idnStatus: 'ACTIVE' };

  /** A new token brings back the services outside the house. */
  renewToken(): void {
    this.services = { ...this.services, psbioStatus: 'ACTIVE', idnStatus: 'ACTIVE' };
  }

  get status(): SystemStatus {
    return { data: this.services };
  }
}

/** What stands in for the Client's installer: equal bytes for an equal system. */
export function clientUpdate(os: (typeof clientSystems)[number]): Buffer {
  return Buffer.from(`SPID Client ${SPID_SERVER_VERSION} for ${os} (simulated)\n`.repeat(64));
}

/** The identifier under which the PSBio knows a CPF. The real one is made by the AC and cannot be turned back; nor can this. */
export function idnOf(cpf: string): string {
  return createHash('sha256').update(`idn ${cpf}`).digest('hex');
}
