import { expect, it } from 'vitest';
import { redisUrl, refuseEviction } from './redis-url.ts';

it.each([
  ['redis://127.0.0.1:6379', { kind: 'redis', url: 'redis://127.0.0.1:6379' }],
  ['rediss://:secret@redis.example/1', { kind: 'redis', url: 'rediss://:secret@redis.example/1' }],
  [
    'redis+cluster://a.example:7000,b.example',
    {
      kind: 'redis-cluster',
      tls: false,
      nodes: [
        { host: 'a.example', port: 7000 },
        { host: 'b.example', port: 6379 },
      ],
    },
  ],
  [
    'rediss+cluster://atesto:p%40ss%2Fword@[fd00::1]:7000',
    {
      kind: 'redis-cluster',
      tls: true,
      username: 'atesto',
      password: 'p@ss/word',
      nodes: [{ host: 'fd00::1', port: 7000 }],
    },
  ],
  [
    'redis+sentinel://:secret@s1,s2:26380/atesto-queue',
    {
      kind: 'redis-sentinel',
      tls: false,
      password: 'secret',
      master: 'atesto-queue',
      nodes: [
        { host: 's1', port: 26_379 },
        { host: 's2', port: 26_380 },
      ],
    },
  ],
])('takes %s', (text, location) => {
  expect(redisUrl.parse(text)).toEqual(location);
});

it.each([
  'http://127.0.0.1',
  'redis://a:7000,b:7000',
  'redis://h#fragment',
  'redis+cluster://',
  'redis+cluster://a,,b',
  'redis+cluster://a:0',
  'redis+cluster://a:70000',
  'redis+cluster://a:7000/1',
  'redis+cluster://:bad%zz@a',
  'redis+cluster://pass@word@a',
  'redis+sentinel://s1,s2',
  'redis+sentinel://s1/two/names',
  'redis+other://a',
])('refuses %s', (text) => {
  expect(redisUrl.safeParse(text).success).toBe(false);
});

it('refuses a Redis that evicts, and says what to set', () => {
  expect(refuseEviction(undefined)).toBeUndefined();
  expect(() => refuseEviction('allkeys-lru')).toThrow(
    /^REDIS_URL: .*\(allkeys-lru\).*; expected maxmemory-policy noeviction$/,
  );
});
