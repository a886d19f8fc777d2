import { readFileSync } from 'node:fs';
import type * as z from 'zod';

/** One environment variable. `Value` is what a service gets. */
export interface Setting<Value> {
  /** Turns the text of the variable into a value. Its description says what is expected. */
  schema: z.ZodType<Value, string>;
  /** What it is for, in a sentence, for the table in the docs. */
  about: string;
  /** Text that stands in for a variable that is not set. */
  fallback?: string;
  /** What happens when it is not set, for the docs; then it may be absent. */
  absent?: string;
  /** Never printed; may also be given as the path of a file in `<NAME>_FILE`. */
  secret?: boolean;
}

export type SettingsSchema = Readonly<Record<string, Setting<unknown>>>;

type ValueOf<S> = S extends { schema: z.ZodType<infer Value> }
  ? S extends { absent: string }
    ? Value | undefined
    : Value
  : never;
export type Settings<Schema extends SettingsSchema> = { [Name in keyof Schema]: ValueOf<Schema[Name]> };

/** Where a value came from; `absent` settings have none. */
export type SettingSource = 'environment' | 'file' | 'default' | 'absent';

/** One line of the start-up log. Shows what is in use, and of a secret only that it is there. */
export interface SettingSummary {
  setting: string;
  source: SettingSource;
  configured: boolean;
  /** The text of what is no secret. */
  value?: string;
}

export interface ReadSettings<Schema extends SettingsSchema> {
  values: Settings<Schema>;
  summary: SettingSummary[];
}

/** Names every variable that is wrong and says what was expected. Values never appear in it. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly kind = 'invalid-settings';
  /** The variables, for a log. */
  readonly settings: readonly string[];

  constructor(problems: readonly { setting: string; problem: string }[]) {
    super(problems.map(({ setting, problem }) => `${setting}: ${problem}`).join('\n'));
    this.settings = problems.map(({ setting }) => setting);
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the settings of a service, once, at its start. An empty variable counts as not set.
 * @throws SettingsError that lists all problems at once
 */
export function readSettings<const Schema extends SettingsSchema>(
  schema: Schema,
  environment: Environment,
): ReadSettings<Schema> {
  const values: Record<string, unknown> = {};
  const summary: SettingSummary[] = [];
  const problems: { setting: string; problem: string }[] = [];
  for (const [name, setting] of Object.entries(schema)) {
    const found = find(name, setting, environment);
    if ('problem' in found) {
      problems.push(found);
      continue;
    }
    const { text, source } = found;
    if (text === undefined) {
      if (setting.absent === undefined) problems.push({ setting: name, problem: `is not set; ${expected(setting)}` });
      values[name] = undefined;
      summary.push({ setting: name, source, configured: false });
      continue;
    }
    const parsed = setting.schema.safeParse(text);
    if (!parsed.success) problems.push({ setting: found.variable, problem: expected(setting) });
    values[name] = parsed.data;
    const shown = setting.secret ? {} : { value: text };
    summary.push({ setting: name, source, configured: true, ...shown });
  }
  if (problems.length > 0) throw new SettingsError(problems);
  return { values: values as Settings<Schema>, summary };
}

type Found =
  | { text: string | undefined; source: SettingSource; variable: string }
  | { setting: string; problem: string };

function find(name: string, { secret, fallback }: Setting<unknown>, environment: Environment): Found {
  const given = environment[name];
  if (given !== undefined && given !== '') return { text: given, source: 'environment', variable: name };
  const variable = `${name}_FILE`;
  const file = secret ? environment[variable] : undefined;
  if (file !== undefined && file !== '') {
    try {
      return { text: readFileSync(file, 'utf8').trim(), source: 'file', variable };
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
      return { setting: variable, problem: `the file cannot be read (${code})` };
    }
  }
  return { text: fallback, source: fallback === undefined ? 'absent' : 'default', variable: name };
}

function expected({ schema }: Setting<unknown>): string {
  return `expected ${schema.description ?? 'a text'}`;
}

/**
 * The rows of the docs' table: variable, what it is for, what is expected, what holds when it is not set.
 * @returns markdown with its head; the same for the same schema
 */
export function settingsTable(schema: SettingsSchema): string {
  const rows = Object.entries(schema).map(([name, setting]) => {
    const otherwise = setting.fallback === undefined ? (setting.absent ?? '**required**') : `\`${setting.fallback}\``;
    const variable = setting.secret ? `\`${name}\` (or \`${name}_FILE\`)` : `\`${name}\``;
    return [variable, setting.about, setting.schema.description ?? 'a text', otherwise];
  });
  const all = [['variable', 'what it is for', 'expected', 'when not set'], ['---', '---', '---', '---'], ...rows];
  return `${all.map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`).join('\n')}\n`;
}
