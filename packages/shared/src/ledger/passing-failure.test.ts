import { expect, it } from 'vitest';
import { startPostgres } from '../../../../test/stack/postgres.ts';
import { openDatabase } from './database.ts';
import { isPassingFailure } from './passing-failure.ts';

it('tells a server that is away from a statement that is wrong', async () => {
  const postgres = await startPostgres();
  const db = openDatabase({ url: postgres.url, max: 1 }, () => undefined);
  const failure = (work: Promise<unknown>) => work.then(() => undefined).catch((error: unknown) => error);
  expect(isPassingFailure(await failure(db.query('select from nowhere')))).toBe(false);
  expect(isPassingFailure(await failure(db.query('select 1 / 0')))).toBe(false);
  expect(isPassingFailure(await failure(db.query('select pg_terminate_backend(pg_backend_pid())')))).toBe(true);
  await db.end();
  await postgres.stop();

  const away = openDatabase({ url: 'postgresql://nobody@127.0.0.1:1/none' }, () => undefined);
  expect(isPassingFailure(await failure(away.query('select 1')))).toBe(true);
  await away.end();
  expect(isPassingFailure(new TypeError('ours'))).toBe(false);
  expect(isPassingFailure('text')).toBe(false);
});
