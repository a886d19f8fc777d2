import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { attachLifeline } from './lifeline.ts';
import { StackError } from './stack-error.ts';
import { waitFor } from './wait-for.ts';

/** How a service shows that it is ready. */
export type Readiness =
  /** A line of its output. */
  | { line: RegExp }
  /** A log line of JSON with this event; `record` is the line. */
  | { event: string }
  /** A loopback port takes connections. */
  | { port: number };

export interface ServiceOptions {
  /** For messages and the name of the log file. */
  name: string;
  /** Path of its `main.ts`, run by the Node that runs this. */
  main: string;
  args?: readonly string[];
  /** Its settings. Of our own environment it gets only what every program needs: a PORT out there is not meant for it. */
  env?: Readonly<Record<string, string | undefined>>;
  cwd?: string;
  ready: Readiness;
  /** Milliseconds to become ready; default 30,000. */
  readyWithinMs?: number;
  /** Milliseconds from SIGTERM to SIGKILL; default 10,000. */
  graceMs?: number;
}

export interface ExitStatus {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface ServiceProcess {
  readonly name: string;
  readonly pid: number;
  /** Everything it printed, of earlier starts under this name too. */
  readonly logFile: string;
  /** The log line that it was waited for with `{ event }`. */
  readonly record: Readonly<Record<string, unknown>>;
  /** What it printed since this start. */
  output(): string;
  readonly exited: Promise<ExitStatus>;
  /** A signal and nothing else: for faults (SIGKILL, SIGSTOP, SIGCONT). */
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL. Resolves when it is gone. Can be called twice. */
  stop(): Promise<ExitStatus>;
}

export interface Processes {
  /** @throws StackError `failed` with the end of its output when it ends or does not become ready */
  start(options: ServiceOptions): Promise<ServiceProcess>;
  /** Something else to end (a database), in its turn: what was started last ends first. */
  onStop(stop: () => Promise<unknown>): void;
  /** Ends everything, the last started first. Failures of one do not keep the others running. Can be called twice. */
  stopAll(): Promise<void>;
}

const PASSED_ON = ['PATH', 'HOME', 'USER', 'TMPDIR', 'TEMP', 'TMP', 'TZ', 'LANG', 'SYSTEMROOT', 'NODE_EXTRA_CA_CERTS'];

/**
 * The services that a demo, a test or `npm start` runs. They end with this process however that ends.
 * @param logDir where their output goes, one file each
 * @param endWithUs true for a program of its own: SIGINT, SIGTERM and an uncaught error end everything in order and
 * then this process. In vitest, which has handlers of its own, leave it out and call `stopAll` after the tests.
 */
export function openProcesses({ logDir, endWithUs = false }: { logDir: string; endWithUs?: boolean }): Processes {
  mkdirSync(logDir, { recursive: true });
  const stops: (() => Promise<unknown>)[] = [];
  let stopping: Promise<void> | undefined;

  const stopInOrder = async () => {
    for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) await stop().catch(() => undefined);
  };
  const processes: Processes = {
    async start(options) {
      if (stopping !== undefined) throw new StackError('failed', `${options.name}: everything is being stopped`);
      const service = launch(options, path.join(logDir, `${options.name}.log`));
      stops.push(service.stop);
      try {
        const record = await becomeReady(service, options);
        return { ...service, record };
      } catch (error) {
        await service.stop();
        throw error;
      }
    },
    onStop: (stop) => void stops.push(stop),
    stopAll() {
      stopping ??= stopInOrder().finally(() => {
        stopping = undefined;
      });
      return stopping;
    },
  };
  if (endWithUs) endOnSignals(() => processes.stopAll());
  return processes;
}

function launch(options: ServiceOptions, logFile: string): Omit<ServiceProcess, 'record'> {
  const { name, main, args = [], env = {}, graceMs = 10_000 } = options;
  // A file and not a pipe: nothing is lost when we are busy, and a service does not stall on a full pipe.
  const log = openSync(logFile, 'a', 0o600);
  const from = statSync(logFile).size;
  let child: ChildProcess;
  try {
    child = spawn(process.execPath, [main, ...args], {
      cwd: options.cwd ?? process.cwd(),
      env: { ...environment(), ...env },
      stdio: ['ignore', log, log],
      // Its own session: a Ctrl-C comes to us alone, and we decide who ends when.
      detached: process.platform !== 'win32',
    });
  } finally {
    closeSync(log);
  }
  const exited = new Promise<ExitStatus>((resolve) => {
    child.once('error', () => resolve({ code: null, signal: null }));
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  const { pid } = child;
  if (pid === undefined) throw new StackError('failed', `${name} could not be started with ${process.execPath}`);
  const lifeline = attachLifeline({ pid, signal: 'TERM' });
  void exited.then(() => lifeline.release());

  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      // One that a test has frozen takes no SIGTERM.
      child.kill('SIGCONT');
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      await exited;
      clearTimeout(timer);
    }
    return await exited;
  };
  return {
    name,
    pid,
    logFile,
    output: () => readFileSync(logFile).subarray(from).toString('utf8'),
    exited,
    kill: (signal) => void child.kill(signal),
    stop,
  };
}

function environment(): Record<string, string> {
  const passed = PASSED_ON.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(passed);
}

async function becomeReady(
  service: Omit<ServiceProcess, 'record'>,
  { name, ready, readyWithinMs = 30_000 }: ServiceOptions,
): Promise<Record<string, unknown>> {
  let exit: ExitStatus | undefined;
  void service.exited.then((status) => {
    exit = status;
  });
  const fail = (what: string, cause?: unknown) =>
    new StackError('failed', `${name} ${what}. The end of ${service.logFile}:\n${service.output().slice(-3000)}`, {
      cause,
    });
  let record: Record<string, unknown> = {};
  const isReady = async () => {
    // Looked at first: a service that printed its line and ended has ended.
    if (exit !== undefined) throw fail(`ended with ${exit.signal ?? exit.code} before it was ready`);
    if ('port' in ready) return await takesConnections(ready.port);
    if ('line' in ready) return ready.line.test(service.output());
    const found = jsonLines(service.output()).find(({ event }) => event === ready.event);
    record = found ?? record;
    return found !== undefined;
  };
  try {
    await waitFor(isReady, { what: 'readiness', timeoutMs: readyWithinMs, everyMs: 25 });
  } catch (error) {
    throw error instanceof StackError && error.message.startsWith(name) ? error : fail('did not become ready', error);
  }
  return record;
}

/** The lines that are JSON objects, in order; whatever else a program prints is passed over. */
export function jsonLines(output: string): Record<string, unknown>[] {
  return output.split('\n').flatMap((line) => {
    if (!line.startsWith('{')) return [];
    try {
      return [JSON.parse(line) as Record<string, unknown>];
    } catch {
      return [];
    }
  });
}

async function takesConnections(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** SIGINT, SIGTERM and an uncaught error end a program after `stop`. */
export function endOnSignals(stop: () => Promise<unknown>): void {
  let ending = false;
  const end = (code: number) => {
    if (ending) return;
    ending = true;
    void stop().finally(() => process.exit(code));
  };
  // The exit codes that a shell expects of a program ended by these signals.
  process.on('SIGINT', () => end(130));
  process.on('SIGTERM', () => end(143));
  process.on('uncaughtException', (error) => {
    console.error(error);
    end(1);
  });
}
