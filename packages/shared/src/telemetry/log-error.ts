import { isFieldValue, isTelling } from './log-fields.ts';

/** What a log line keeps of something that was thrown: never its message, which may quote what it was about. */
export interface LoggedError {
  name: string;
  kind?: string;
  code?: string;
  /** The innermost ten code locations. */
  frames?: string[];
  cause?: LoggedError;
}

const MAX_FRAMES = 10;
const MAX_CAUSES = 3;
/** `at name (file:///x.ts:1:2)`, `at async node:internal/x:1:2`: a place in code and nothing else. */
const FRAME =
  /^at (?:(?:async |new )*[\w$.<>[\] #]{1,100} \(?)?\(?(?:async )?(?:file:\/\/\/|node:|\/|[A-Za-z]:\\)[\w$@.+~%/\\ -]{1,300}:\d{1,7}:\d{1,7}\)?$/;

/** Never throws, whatever it is given. */
export function describeError(error: unknown, depth = 0): LoggedError {
  try {
    if (!(error instanceof Error)) return { name: typeof error };
    const kind = wordOf(read(error, 'kind'));
    const code = wordOf(read(error, 'code'));
    const frames = framesOf(error);
    return {
      name: wordOf(read(error, 'name')) ?? 'Error',
      ...(kind !== undefined && { kind }),
      ...(code !== undefined && { code }),
      ...(frames.length > 0 && { frames }),
      ...(error.cause instanceof Error && depth < MAX_CAUSES && { cause: describeError(error.cause, depth + 1) }),
    };
  } catch {
    return { name: 'unreadable' };
  }
}

function read(error: Error, property: string): unknown {
  return (error as unknown as Record<string, unknown>)[property];
}

function wordOf(value: unknown): string | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' && isFieldValue('word', text) ? text : undefined;
}

function framesOf(error: Error): string[] {
  let stack = error.stack;
  if (typeof stack !== 'string') return [];
  // A message may have lines that look like frames; it stands before them.
  const { message } = error;
  const at = message === '' ? -1 : stack.indexOf(message);
  if (at >= 0) stack = stack.slice(at + message.length);
  return stack
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => FRAME.test(line) && !line.split(/[/\\(]/).some(isTelling))
    .slice(0, MAX_FRAMES);
}
