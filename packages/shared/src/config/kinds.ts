import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';

/** Kinds of settings: from a variable's text to a value. Each description completes "expected …". */

export const text = z.string().trim().min(1).max(4_000).describe('a text') as z.ZodType<string, string>;

/** A whole number within bounds. */
export function integer(min: number, max: number, unit = ''): z.ZodType<number, string> {
  return z
    .string()
    .regex(/^-?\d{1,15}$/)
    .transform(Number)
    .refine((value) => value >= min && value <= max)
    .describe(`a whole number${unit && ` of ${unit}`} from ${min} to ${max}`);
}

export const port: z.ZodType<number, string> = z
  .string()
  .regex(/^\d{1,5}$/)
  .transform(Number)
  .refine((value) => value <= 65_535)
  .describe('a port from 0 (any free one) to 65535');

export const timeOfDay: z.ZodType<string, string> = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/)
  .describe('a time of day from `00:00` to `23:59`');

export const flag: z.ZodType<boolean, string> = z
  .enum(['true', 'false', '1', '0', 'yes', 'no'])
  .transform((value) => ['true', '1', 'yes'].includes(value))
  .describe('`true` or `false`');

export function oneOf<const Word extends string>(words: readonly Word[]): z.ZodType<Word, string> {
  return z.enum(words).describe(`one of ${words.map((word) => `\`${word}\``).join(', ')}`) as unknown as z.ZodType<
    Word,
    string
  >;
}

/** A URL as it is written, of one of the given protocols (`https:`), without a fragment. */
export function url(...protocols: string[]): z.ZodType<string, string> {
  return z
    .string()
    .trim()
    .refine((value) => URL.canParse(value) && protocols.includes(new URL(value).protocol) && !value.includes('#'))
    .describe(`a URL (${protocols.map((protocol) => `\`${protocol}//…\``).join(', ')})`);
}

/** An HTTP base URL, without a slash at its end. */
export const httpUrl: z.ZodType<string, string> = z
  .string()
  .trim()
  .refine((value) => {
    if (!URL.canParse(value)) return false;
    const { protocol, username, password, search, hash } = new URL(value);
    return /^https?:$/.test(protocol) && username + password + search + hash === '';
  })
  .transform((value) => value.replace(/\/+$/, ''))
  .describe('a URL (`https://…` or `http://…`) without credentials, query or fragment');

/** Origins as a browser sends them, in a list. */
export const origins: z.ZodType<readonly string[], string> = z
  .string()
  .transform((value) =>
    value
      .split(',')
      .map((entry) => entry.trim())
      .filter(Boolean),
  )
  .refine((all) => all.every((one) => URL.canParse(one) && new URL(one).origin === one && /^https?:/.test(one)))
  .describe('origins (`https://console.example`) with commas between them');

/** Seals bodies: where the vault's files are. */
export interface VaultLocation {
  kind: 'file';
  path: string;
}

/** `file:` with a path: absolute (`file:///var/lib/x`), or relative to the working directory (`file:.atesto/vault`). */
export const vaultUrl: z.ZodType<VaultLocation, string> = z
  .string()
  .regex(/^file:(?!$)/)
  .transform((value) => value.replace(/^file:(?:\/\/(?=\/))?/, ''))
  .refine((value) => value !== '' && !value.startsWith('//') && !value.includes('\0'))
  .transform((value): VaultLocation => ({ kind: 'file', path: path.resolve(decodeURI(value)) }))
  .describe('`file:` with a folder, such as `file:///var/lib/atesto/vault`');

/** The virtual camera's file or folder; undefined for no camera. */
export const camera: z.ZodType<string | undefined, string> = z
  .string()
  .regex(/^(?:none|file:.+)$/)
  .transform((value) => (value === 'none' ? undefined : path.resolve(value.replace(/^file:(?:\/\/(?=\/))?/, ''))))
  .describe('`none`, or `file:` with the path of a PNG or JPEG picture or of a folder of them');

export const folder: z.ZodType<string, string> = z
  .string()
  .min(1)
  .transform((value) => path.resolve(value))
  .describe('a path');

/** The content of the file that the variable names. */
export function contentOf(what: string): z.ZodType<string, string> {
  return z
    .string()
    .min(1)
    .transform((file, context) => {
      try {
        return readFileSync(file, 'utf8');
      } catch {
        context.addIssue({ code: 'custom', message: 'unreadable' });
        return z.NEVER;
      }
    })
    .describe(`the path of a readable file: ${what}`);
}

/** `id:base64,id:base64`, 32 bytes each, the active one first. Taken apart by the vault's key ring. */
export const keyEncryptionKeys: z.ZodType<string, string> = z
  .string()
  .trim()
  .regex(/^[A-Za-z0-9._-]{1,32}:[A-Za-z0-9+/_-]{43}=?(?:,\s*[A-Za-z0-9._-]{1,32}:[A-Za-z0-9+/_-]{43}=?)*$/)
  .describe('`id:key`, or several with commas between them, the active one first; a key is 32 bytes in base64');

export const key: z.ZodType<string, string> = z
  .string()
  .trim()
  .regex(/^[A-Za-z0-9+/_-]{43}=?$/)
  .describe('32 bytes in base64');

const fingerIndex = z.literal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
export type FingerList = z.infer<typeof fingerIndex>[];

/** Finger indexes of the Griaule table (0 left little … 9 right little), in the order an operator asks for them. */
export const fingerList: z.ZodType<FingerList, string> = z
  .string()
  .regex(/^\d(?:\s*,\s*\d)*$/)
  .transform((value) => value.split(',').map(Number))
  .pipe(z.array(fingerIndex).min(1).max(10))
  .refine((all) => new Set(all).size === all.length)
  .describe('different finger indexes from 0 to 9 with commas between them');

const side = z.int().min(1).max(4_096);
const size = z.strictObject({ width: side, height: side });
const calibration = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({ kind: z.literal('resample'), from: size, to: size, dpi: z.int().min(100).max(2_000) }),
]);
export type CalibrationTable = Record<string, z.infer<typeof calibration>>;

/** Calibrations by `vid:pid`. */
export const calibrations: z.ZodType<CalibrationTable, string> = z
  .string()
  .transform((value, context): unknown => {
    try {
      return JSON.parse(value);
    } catch {
      context.addIssue({ code: 'custom', message: 'no JSON' });
      return z.NEVER;
    }
  })
  .pipe(z.record(z.string().regex(/^[0-9a-f]{4}:[0-9a-f]{4}$/), calibration))
  .describe(
    'JSON: `{"05ba:000a":{"kind":"resample","from":{"width":384,"height":290},"to":{"width":357,"height":392},"dpi":500}}`',
  );
