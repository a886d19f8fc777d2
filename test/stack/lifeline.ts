import { spawn } from 'node:child_process';

/**
 * Ends a server when this process is gone, however it went: a shell holds the reading end of a pipe whose writing end
 * lives here, and end of file is the signal. It survives SIGKILL of this process and Ctrl-C (it has its own session).
 *
 * A server that has ended and that nobody reaps (a container whose process 1 does not) counts as ended.
 *
 * `sh` is on every Unix. On Windows there is no lifeline: there the next start ends what was left over.
 */
const SCRIPT = `
read -r _
kill -s "$2" "$1" 2>/dev/null
i=0
while kill -0 "$1" 2>/dev/null && [ $i -lt 100 ]; do
  case "$(cat "/proc/$1/stat" 2>/dev/null)" in *") Z "*) break ;; esac
  sleep 0.1
  i=$((i+1))
done
kill -s KILL "$1" 2>/dev/null
[ -n "$3" ] && rm -rf -- "$3"
exit 0`;

export interface Lifeline {
  /** Lets go without touching the server: it has ended, or someone else ends it. */
  release(): void;
}

export interface LifelineOptions {
  pid: number;
  /** How the server is asked to end; SIGKILL follows after ten seconds. */
  signal: 'INT' | 'TERM';
  /** Removed after the server has ended: a temporary data folder. */
  removeAfter?: string;
}

export function attachLifeline({ pid, signal, removeAfter = '' }: LifelineOptions): Lifeline {
  if (process.platform === 'win32') {
    const end = () => {
      try {
        process.kill(pid);
      } catch {
        // It has ended already.
      }
    };
    process.once('exit', end);
    return { release: () => void process.off('exit', end) };
  }
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'atesto-lifeline', String(pid), signal, removeAfter], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  shell.on('error', () => undefined);
  shell.stdin.on('error', () => undefined);
  // Neither the shell nor the pipe keeps this process from ending.
  shell.unref();
  (shell.stdin as unknown as { unref?: () => void }).unref?.();
  return { release: () => void shell.kill('SIGKILL') };
}
