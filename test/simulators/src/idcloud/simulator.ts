import type { FastifyInstance } from 'fastify';
import type { Behaviours } from '../behaviour.ts';
import type { ReceivedRecord } from '../received.ts';
import { createShell } from '../shell.ts';
import { type Account, type AccountOptions, openAccount } from './accounts.ts';
import { addAdministration } from './administration.ts';
import { addClientRoutes } from './client-handlers.ts';
import type { SimulatorContext } from './context.ts';
import { Documents } from './documents.ts';
import { sendError, sendFault } from './errors.ts';
import { SignedFiles } from './files.ts';
import { Identity } from './identity.ts';
import { type CourseName, courseOf } from './outcomes.ts';
import { type Process, Processes } from './processes.ts';
import { unicoNotice } from './unico-answers.ts';
import { addUnicoRoutes } from './unico-handlers.ts';
import { UnicoProcesses } from './unico-processes.ts';
import { type Notice, Webhooks } from './webhooks.ts';

/** The first account's options stand here; more accounts in `others`. */
export interface IdcloudSimulatorOptions extends AccountOptions {
  others?: readonly AccountOptions[];
  /** `aud` of assertions; where it listens by default. */
  audience?: string;
  tokenTtlSeconds?: number;
  /** HTTP status of a 1.x.y code; 400 where it has none here. */
  tokenStatuses?: Readonly<Record<string, number>>;
  /** Course of subjects that have none of their own: one by name, or drawn by the seed. Test CPFs keep theirs. */
  otherwise?: CourseName | 'seeded';
  /** Courses by CPF. */
  courses?: Readonly<Record<string, CourseName>>;
  /** For keys that are a bare text. */
  requireSdk?: boolean;
  /** Milliseconds of each step of an asynchronous process; without it a step is taken at every read. */
  stepMs?: number;
  /** A finished process proves the identity for one document of each type. */
  singleUseProof?: boolean;
  /** Invalid assertions in a row that lock the account (1.2.18), and for how long. */
  lockAfter?: number;
  lockMs?: number;
  /** Decides everything random. */
  seed?: string;
  now?: () => number;
  record?: { keep?: number; bodies?: boolean };
}

export interface IdcloudSimulator {
  app: FastifyInstance;
  /** Where by Client, by Unico, the signature service and the identity host listen. @throws before `listen`. */
  readonly url: string;
  readonly tokenUrl: string;
  /** Listens on 127.0.0.1, on any free port unless one is given. Returns the URL. */
  listen(port?: number): Promise<string>;
  /** Goes away (connections are refused) and comes back on the same port; what it holds stays. */
  pause(forMs?: number): Promise<void>;
  resume(): Promise<void>;
  close(): Promise<void>;
  received: ReceivedRecord;
  behaviours: Behaviours;
  accounts: readonly Account[];
  processes: Processes;
  unico: UnicoProcesses;
  identity: Identity;
  webhooks: Webhooks;
}

const TOKEN_PATH = '/oauth2/token';

/**
 * Unico's IDCloud, editions B and D: by Client with documents, by Unico with its signature service, and the identity host, all on one port. Operations for
 * behaviours and record are the keys of the contracts' tables, and `token`; `administration.ts` lists the keeper's routes.
 */
export function createIdcloudSimulator(options: IdcloudSimulatorOptions): IdcloudSimulator {
  const now = options.now ?? Date.now;
  const seed = options.seed ?? 'idcloud';
  const configured = new Map(Object.entries(options.courses ?? {}));
  const shell = createShell({
    seed,
    writeError: sendFault,
    now,
    // Base64 of documents' front and back, or of one picture that is too large to be refused with its own code.
    bodyLimit: 8 << 20,
    record: options.record,
    rename: (from, to) => processes.rename(from, to),
  });
  const { app, listener } = shell;
  const closing = new AbortController();
  const accounts = [options, ...(options.others ?? [])].map((one) =>
    openAccount(one, options.requireSdk ?? false, now),
  );
  const webhooks = new Webhooks({ seed, closing: closing.signal });
  const notify = (name: string, notice: Notice) => {
    const webhook = accounts.find((one) => one.name === name)?.webhook;
    if (webhook) void webhooks.notify(webhook, notice);
  };
  const courseOfSubject = (cpf: string) => courseOf(cpf, configured, options.otherwise ?? 'yes', seed);
  const documents = new Documents();
  const processes = new Processes({
    ...{ courseOf: courseOfSubject, documents, now },
    stepMs: options.stepMs,
    singleUseProof: options.singleUseProof ?? false,
    onFinished: (process) => notify(process.account, clientNotice(process)),
  });
  const unico = new UnicoProcesses({
    ...{ courseOf: courseOfSubject, documents, now },
    onFinished: (process) => notify(process.account, unicoNotice(process)),
  });
  const identity = new Identity({
    ...{ accounts, now },
    audience: () => options.audience ?? listener.url,
    tokenTtlSeconds: options.tokenTtlSeconds ?? 3_600,
    tokenStatuses: options.tokenStatuses ?? {},
    lockAfter: options.lockAfter ?? 20,
    lockMs: options.lockMs ?? 900_000,
  });
  const url = () => listener.url;
  const files = new SignedFiles({ url, now });
  const context: SimulatorContext = {
    ...{ app, accounts, identity, processes, unico, documents, files, webhooks, url, now },
    courseOf: courseOfSubject,
    setCourse: (subject, course) => configured.set(subject, course),
  };

  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    async (_: unknown, raw: string) => new URLSearchParams(raw),
  );
  app.setErrorHandler((error: { statusCode?: number }, _request, reply) =>
    (error.statusCode ?? 500) < 500 ? sendError(reply, 20003) : sendError(reply, 99999),
  );
  app.setNotFoundHandler((_request, reply) => reply.code(404).send());
  app.addHook('onClose', async () => {
    closing.abort();
    processes.close();
    unico.close();
  });
  app.post(TOKEN_PATH, { config: { operation: 'token' } }, (request, reply) => identity.handle(request, reply));
  addClientRoutes(context);
  addUnicoRoutes(context);
  files.serve(app);
  addAdministration(context);

  return {
    app,
    get url() {
      return listener.url;
    },
    get tokenUrl() {
      return `${listener.url}${TOKEN_PATH}`;
    },
    listen: (port) => listener.listen(port),
    pause: (forMs) => listener.pause(forMs),
    resume: () => listener.resume(),
    close: () => listener.close(),
    received: shell.received,
    behaviours: shell.behaviours,
    ...{ accounts, processes, unico, identity, webhooks },
  };
}

/** Its form is written nowhere for by Client; edition B says `finished`. */
function clientNotice({ id, key }: Process): Notice {
  return { processId: id, state: key.edition === 'B' ? 'finished' : 'PROCESS_STATE_FINISHED' };
}
