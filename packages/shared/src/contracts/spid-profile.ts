import * as z from 'zod';
import {
  publishedStatusWords,
  type SpidStatusWords,
  spidStatusMeanings,
  spidStatusWords,
} from '../domain/spid-status.ts';
import { SPID_SERVER_BASE } from './spid-server-operation.ts';
import { type SpidServerTable, spidServerOperations } from './spid-server-operations.ts';
import { pathVariables } from './spid-server-params.ts';
import { type SpidServicesTable, spidServicesRoutes } from './spid-services.ts';

/**
 * A SPID profile: what a customer's installed manual says where the public pages say nothing. It may give provisional rows another method and
 * path, and add or change the meaning of status words. Published rows are not for a profile to change.
 */
const override = z
  .strictObject({
    method: z.enum(['GET', 'POST', 'PUT', 'DELETE']).optional(),
    path: z
      .string()
      .regex(/^(\/([\w.-]+|\{\w+\}))+$/, 'a path is parts of letters, digits, _ - . or one {variable}, each after a /')
      .optional(),
  })
  .refine((row) => row.method !== undefined || row.path !== undefined, 'gives neither method nor path');

const spidProfile = z.strictObject({
  /** For people: which installation this is of. */
  name: z.string().optional(),
  /** Rows of the SPID Server table, by operation. */
  server: z.record(z.string(), override).default({}),
  /** Rows of the SPID Services table, by call. */
  services: z.record(z.string(), override).default({}),
  /** Meaning of status words. */
  statuses: z.record(z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'a status word'), z.enum(spidStatusMeanings)).default({}),
});
export type SpidProfile = z.output<typeof spidProfile>;

/** What a profile is applied to, and what comes out. */
export interface SpidTables {
  server: SpidServerTable;
  services: SpidServicesTable;
  statuses: SpidStatusWords;
}

/** Where no profile says otherwise. */
export const defaultSpidTables: SpidTables = {
  server: spidServerOperations,
  services: spidServicesRoutes,
  statuses: spidStatusWords,
};

/** `faults` names every place of the profile that cannot be used, and why. */
export class SpidProfileError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`The SPID profile cannot be used: ${faults.join('; ')}`);
    this.name = 'SpidProfileError';
    this.faults = faults;
  }
}

/** Reads a profile file's text. @throws SpidProfileError for what is not JSON and for keys that a profile does not have. */
export function parseSpidProfile(text: string): SpidProfile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new SpidProfileError(['not JSON']);
  }
  const parsed = spidProfile.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new SpidProfileError(
    parsed.error.issues.map((issue) => `${issue.path.join('.') || 'profile'}: ${issue.message}`),
  );
}

/**
 * The tables as the profile wants them. @throws SpidProfileError naming rows that do not exist, rows that are published, paths with other
 * variables than the row's or outside of the server's root, a GET for a row that takes a body, two rows that would share one route, and status
 * words whose meaning is published.
 */
export function applyProfile(tables: SpidTables, profile: SpidProfile): SpidTables {
  const faults: string[] = [];
  const server = replaced('server', tables.server, profile.server, faults);
  const services = replaced('services', tables.services, profile.services, faults);
  for (const [key, { path }] of Object.entries(profile.server)) {
    // The gateway serves these rows beside its own routes.
    if (path !== undefined && !path.startsWith(`${SPID_SERVER_BASE}/`)) {
      faults.push(`server.${key}: its path has to begin with ${SPID_SERVER_BASE}/`);
    }
  }
  for (const [word, meaning] of Object.entries(profile.statuses)) {
    if (publishedStatusWords.includes(word)) faults.push(`statuses.${word}: its meaning is published`);
    // A positive identification is nobody's to configure.
    else if (meaning === 'match') faults.push(`statuses.${word}: only SEARCH_MATCH is a match`);
  }
  if (faults.length > 0) throw new SpidProfileError(faults);
  return { server, services, statuses: { ...tables.statuses, ...profile.statuses } };
}

interface Row {
  method: string;
  path: string;
  request?: unknown;
  provisional: boolean;
}

function replaced<Table extends Readonly<Record<string, Row>>>(
  name: string,
  table: Table,
  overrides: Readonly<Record<string, z.output<typeof override>>>,
  faults: string[],
): Table {
  const rows: Record<string, Row> = { ...table };
  for (const [key, { method, path }] of Object.entries(overrides)) {
    const at = `${name}.${key}`;
    const row = Object.hasOwn(table, key) ? table[key] : undefined;
    if (!row) {
      faults.push(`${at}: there is no such row`);
      continue;
    }
    if (!row.provisional) faults.push(`${at}: its route is published`);
    const [wanted, given] = [row.path, path ?? row.path].map((one) => pathVariables(one).sort().join());
    if (wanted !== given) faults.push(`${at}: its path has to have the variables ${wanted || 'none'}`);
    if (method === 'GET' && row.request !== undefined) faults.push(`${at}: it takes a body, which a GET has not`);
    rows[key] = { ...row, method: method ?? row.method, path: path ?? row.path };
  }
  const taken = new Map<string, string>();
  for (const [key, { method, path }] of Object.entries(rows)) {
    const route = `${method} ${path.replaceAll(/\{\w+\}/g, '{}')}`;
    const other = taken.get(route);
    if (other !== undefined) faults.push(`${name}.${key}: shares its route with ${other}`);
    taken.set(route, key);
  }
  return rows as Table;
}
