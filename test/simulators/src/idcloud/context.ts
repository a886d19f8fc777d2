import type { FastifyInstance } from 'fastify';
import type { Account } from './accounts.ts';
import type { Documents } from './documents.ts';
import type { SignedFiles } from './files.ts';
import type { Identity } from './identity.ts';
import type { CourseName } from './outcomes.ts';
import type { Processes } from './processes.ts';
import type { UnicoProcesses } from './unico-processes.ts';
import type { Webhooks } from './webhooks.ts';

/** What the simulator's routes work with. */
export interface SimulatorContext {
  app: FastifyInstance;
  accounts: readonly Account[];
  identity: Identity;
  processes: Processes;
  unico: UnicoProcesses;
  documents: Documents;
  files: SignedFiles;
  webhooks: Webhooks;
  courseOf: (subject: string) => CourseName;
  /** Sets a subject's course. */
  setCourse: (subject: string, course: CourseName) => void;
  /** Where it listens. */
  url: () => string;
  now: () => number;
}
