import {
  type SpidServerOperationName,
  type SpidServerTable,
  spidServerOperations,
} from '@atesto/shared/contracts/spid-server-operations';
import type { FastifyInstance } from 'fastify';
import type { Behaviours } from '../behaviour.ts';
import type { ReceivedRecord } from '../received.ts';
import { createShell } from '../shell.ts';
import { addAdministration } from './administration.ts';
import { addApplicant } from './applicant.ts';
import { type Matcher, readBiometric, type StoredBiometric, type WireBiometric } from './biometrics.ts';
import { sendError } from './errors.ts';
import { type FaceMatcher, sameFace } from './faces.ts';
import { guardOf } from './guard.ts';
import { createHandlers } from './handlers.ts';
import type { HandlerContext } from './http.ts';
import type { ReportForm } from './report.ts';
import { sameFinger } from './same-finger.ts';
import { type OperatorStatus, SpidState } from './state.ts';
import { SystemServices } from './system.ts';

export interface SpidServerSimulatorOptions {
  /** Compares fingers; the simulators' own matcher unless another is given. */
  matches?: Matcher;
  /** Compares faces; made for this package's drawn ones unless another is given. */
  matchesFace?: FaceMatcher;
  /** The operation table, where a profile changed its routes. */
  operations?: SpidServerTable;
  /** Milliseconds until an enrolment is decided; 0 means at the first look. */
  enrollDelayMs?: number;
  /** The same for a deletion, for a search that is not made at once (redirected, remote), and until an enrolled operator is verified. */
  deleteDelayMs?: number;
  searchDelayMs?: number;
  operatorDelayMs?: number;
  /** Until nobody can use the link of a remote capture any more; half an hour. */
  remoteTtlMs?: number;
  /** False leaves it to a caller to notify of a captured face; otherwise the simulated service does it at once. */
  remoteNotifies?: boolean;
  /** What becomes of an enrolment of somebody who is enrolled: refused, or handed to people. */
  duplicates?: 'reject' | 'exception';
  /** How a verification of somebody unknown ends. The PSBio flows say `SEARCH_FAILED`; 404 is in the specification's error list. */
  unknownPerson?: 'search-failed' | 'not-found';
  /** False takes submissions of operators whom nobody registered. */
  checkOperators?: boolean;
  /** Status of a found operator; 302 carries the body, 200 has none in the specification but some installations send it. */
  operatorStatus?: 200 | 302;
  /** A deletion is answered with its transaction, or with nothing. */
  deletionStatus?: 200 | 204;
  reportForm?: ReportForm;
  /** False looks at pictures' heads only and forgets them, for load: everyone enrolled then verifies as `SEARCH_FAILED`. */
  keepPictures?: boolean;
  /** HTTP Basic, asked for when set. */
  credentials?: { username: string; password: string };
  people?: readonly { cpf: string; biometrics: readonly WireBiometric[] }[];
  operators?: readonly { cpf: string; status?: OperatorStatus; biometrics?: readonly WireBiometric[] }[];
  /** Decides everything random. */
  seed?: string;
  now?: () => number;
  record?: { keep?: number; bodies?: boolean };
}

export interface SpidServerSimulator {
  app: FastifyInstance;
  /** Where it listens. @throws before `listen`. */
  readonly url: string;
  /** Listens on 127.0.0.1, on any free port unless one is given. Returns the URL. */
  listen(port?: number): Promise<string>;
  /** Goes away (connections are refused) and comes back on the same port; what it holds stays. */
  pause(forMs?: number): Promise<void>;
  resume(): Promise<void>;
  close(): Promise<void>;
  received: ReceivedRecord;
  behaviours: Behaviours;
  state: SpidState;
}

/** Griaule's SPID Server 4.2.12, every operation of the table, with routes made from it. */
export function createSpidServerSimulator(options: SpidServerSimulatorOptions = {}): SpidServerSimulator {
  const now = options.now ?? Date.now;
  const state = new SpidState({
    now,
    enrollDelayMs: options.enrollDelayMs ?? 0,
    duplicates: options.duplicates ?? 'reject',
    keepPictures: options.keepPictures ?? true,
    deleteDelayMs: options.deleteDelayMs ?? 0,
    searchDelayMs: options.searchDelayMs ?? 0,
    operatorDelayMs: options.operatorDelayMs ?? 0,
  });
  for (const { cpf, biometrics } of options.people ?? []) state.seedPerson(cpf, stored(biometrics));
  for (const { cpf, status, biometrics } of options.operators ?? []) {
    state.seedOperator(cpf, status ?? 'VERIFIED', stored(biometrics ?? []));
  }
  const shell = createShell({
    seed: options.seed ?? 'spid-server',
    writeError: (reply, status, code) => sendError(reply, status, undefined, code),
    now,
    bodyLimit: 32 << 20,
    record: options.record,
    rename: (from, to) => state.rename(from, to),
  });
  const { app, listener } = shell;
  addErrors(app);
  const context: HandlerContext = {
    state,
    system: new SystemServices(),
    options: {
      matchers: { finger: options.matches ?? sameFinger, face: options.matchesFace ?? sameFace },
      unknownPerson: options.unknownPerson ?? 'search-failed',
      checkOperators: options.checkOperators ?? true,
      operatorStatus: options.operatorStatus ?? 302,
      deletionStatus: options.deletionStatus ?? 200,
      reportForm: options.reportForm ?? 'pdf',
      keepPictures: options.keepPictures ?? true,
      remoteTtlMs: options.remoteTtlMs ?? 1_800_000,
      remoteNotifies: options.remoteNotifies ?? true,
      credentials: options.credentials,
      publicUrl: () => listener.url,
    },
  };
  addAdministration(app, context);
  addApplicant(app, context);

  const handlers = createHandlers(context);
  const operations: SpidServerTable = options.operations ?? spidServerOperations;
  for (const name of Object.keys(operations) as SpidServerOperationName[]) {
    const operation = operations[name];
    app.route({
      method: operation.method,
      url: operation.path.replaceAll(/\{(\w+)\}/g, ':$1'),
      config: { operation: name },
      preHandler: guardOf(name, operation, options.credentials),
      handler: handlers[name],
    });
  }
  return {
    app,
    get url() {
      return listener.url;
    },
    listen: (port) => listener.listen(port),
    pause: (forMs) => listener.pause(forMs),
    resume: () => listener.resume(),
    close: () => listener.close(),
    received: shell.received,
    behaviours: shell.behaviours,
    state,
  };
}

/** Seeds are the test's own: a bad one is a mistake there and throws. */
function stored(biometrics: readonly WireBiometric[]): StoredBiometric[] {
  return biometrics.map((wire) => {
    const read = readBiometric(wire);
    if (typeof read === 'string') throw new RangeError(read);
    return read;
  });
}

function addErrors(app: FastifyInstance): void {
  app.setNotFoundHandler((_request, reply) => sendError(reply, 404, ['no such resource']));
  app.setErrorHandler((error: { statusCode?: number }, _request, reply) => {
    const status = error.statusCode ?? 500;
    // Fastify's message names the media type or the limit, never the content; still, none of it is needed.
    return sendError(reply, status, [
      status === 415 ? 'media type is not application/json' : 'request cannot be processed',
    ]);
  });
}
