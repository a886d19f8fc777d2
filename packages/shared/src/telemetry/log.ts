import { pino } from 'pino';
import { describeError } from './log-error.ts';
import { isFieldValue, isTelling, type LogRecord, logFields } from './log-fields.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/**
 * Lines of JSON from an allow-list: a line is an event's name (a constant: `station-connected`) and fields out of
 * `logFields`, each of its shape. Everything else is dropped, whatever it is called and however deep it hides: no
 * message, no URL, no object, no error text. Nothing here throws.
 */
export interface Log {
  debug(event: string, fields?: LogRecord): void;
  info(event: string, fields?: LogRecord): void;
  warn(event: string, fields?: LogRecord): void;
  error(event: string, fields?: LogRecord): void;
  /** A log whose lines all carry these fields. */
  child(fields: LogRecord): Log;
}

export interface LogOptions {
  /** `gateway`, `workers`, `bridge`. */
  service: string;
  level: LogLevel;
  /** Default: standard output. */
  stream?: { write(line: string): void };
  /** Told how many fields a line lost: for a counter. */
  onDropped?: (count: number) => void;
}

/** Names are constants in code: lower case with dashes, without digits in a row. */
const EVENT = /^[a-z][a-z0-9]*(?:[.-][a-z0-9]+){0,8}$/;

export function createLog({ service, level, stream, onDropped }: LogOptions): Log {
  const options: pino.LoggerOptions = {
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  };
  const sink = stream === undefined ? pino(options) : pino(options, stream);
  return logOver(sink, {}, onDropped);
}

function logOver(sink: pino.Logger, bound: Record<string, unknown>, onDropped: LogOptions['onDropped']): Log {
  const line =
    (level: Exclude<LogLevel, 'silent'>) =>
    (event: string, fields: LogRecord = {}): void => {
      if (!sink.isLevelEnabled(level)) return;
      try {
        const { kept, dropped } = allowed(fields);
        const isNamed = event.length <= 64 && EVENT.test(event) && !isTelling(event);
        if (!isNamed) dropped.push('event');
        sink[level]({
          event: isNamed ? event : 'unnamed',
          ...bound,
          ...kept,
          ...(dropped.length > 0 && { dropped: dropped.length }),
          // Which ones helps who writes the code; a name we do not know may itself be a value.
          ...(dropped.length > 0 && sink.isLevelEnabled('debug') && { droppedNames: dropped.filter(isKnown) }),
        });
        if (dropped.length > 0) onDropped?.(dropped.length);
      } catch {
        // A log that fails (a broken pipe, a getter that throws) fails alone.
      }
    };
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    child: (fields) => logOver(sink, { ...bound, ...allowed(fields).kept }, onDropped),
  };
}

function allowed(fields: LogRecord): { kept: Record<string, unknown>; dropped: string[] } {
  const kept: Record<string, unknown> = {};
  const dropped: string[] = [];
  for (const name of Object.keys(fields)) {
    let value: unknown;
    try {
      value = (fields as Record<string, unknown>)[name];
    } catch {
      dropped.push(name);
      continue;
    }
    if (value === undefined) continue;
    if (name === 'error') kept.error = describeError(value);
    else if (isKnown(name) && isFieldValue(logFields[name], value)) kept[name] = value;
    else dropped.push(name);
  }
  return { kept, dropped };
}

function isKnown(name: string): name is keyof typeof logFields {
  return Object.hasOwn(logFields, name);
}
