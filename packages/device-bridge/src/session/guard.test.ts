import { describe, expect, it } from 'vitest';
import { createGuard, type GuardOptions } from './guard.ts';

const TOKEN = 'pairing-token-of-the-tests';
const base: GuardOptions = { port: 19_980, allowedOrigins: ['https://console.example'], pairingToken: TOKEN };
const host = { host: '127.0.0.1:19980' };
const origin = { origin: 'https://console.example' };
const bearer = { authorization: `Bearer ${TOKEN}` };

interface Row {
  case: string;
  headers: Record<string, string | string[]>;
  method?: string;
  options?: Partial<GuardOptions>;
  verdict: 'pass' | 'preflight' | 401 | 403 | 421;
}

const rows: Row[] = [
  { case: 'a local program, by number', headers: host, verdict: 'pass' },
  { case: 'a local program, by name', headers: { host: 'localhost:19980' }, verdict: 'pass' },
  { case: 'a local program, by name in capitals', headers: { host: 'LOCALHOST:19980' }, verdict: 'pass' },
  { case: 'a local program, IPv6', headers: { host: '[::1]:19980' }, verdict: 'pass' },
  { case: 'rebound name', headers: { host: 'evil.test:19980' }, verdict: 421 },
  {
    case: 'rebound name, from a paired page with the token',
    headers: { host: 'evil.test:19980', ...origin, ...bearer },
    verdict: 421,
  },
  { case: 'another port', headers: { host: '127.0.0.1:80' }, verdict: 421 },
  { case: 'no port', headers: { host: '127.0.0.1' }, verdict: 421 },
  { case: 'another loopback address', headers: { host: '127.0.0.2:19980' }, verdict: 421 },
  { case: 'our host as a prefix', headers: { host: '127.0.0.1:19980.evil.test' }, verdict: 421 },
  { case: 'no Host', headers: {}, verdict: 421 },
  { case: 'two Hosts', headers: { host: ['127.0.0.1:19980', 'evil.test'] }, verdict: 421 },
  { case: 'paired page, bearer', headers: { ...host, ...origin, ...bearer }, verdict: 'pass' },
  { case: 'paired page, pairing header', headers: { ...host, ...origin, 'x-atesto-pairing': TOKEN }, verdict: 'pass' },
  { case: 'paired page, no token', headers: { ...host, ...origin }, verdict: 401 },
  { case: 'paired page, wrong token', headers: { ...host, ...origin, authorization: 'Bearer wrong' }, verdict: 401 },
  {
    case: 'paired page, token cut short',
    headers: { ...host, ...origin, authorization: `Bearer ${TOKEN.slice(0, -1)}` },
    verdict: 401,
  },
  { case: 'paired page, empty token', headers: { ...host, ...origin, 'x-atesto-pairing': '' }, verdict: 401 },
  { case: 'paired page, Basic', headers: { ...host, ...origin, authorization: `Basic ${TOKEN}` }, verdict: 401 },
  { case: 'paired page, two tokens', headers: { ...host, ...origin, 'x-atesto-pairing': [TOKEN, 'x'] }, verdict: 401 },
  {
    case: 'paired page, no token is set up',
    headers: { ...host, ...origin, ...bearer },
    options: { pairingToken: undefined },
    verdict: 401,
  },
  {
    case: 'paired page, an empty token is set up',
    headers: { ...host, ...origin, 'x-atesto-pairing': '' },
    options: { pairingToken: '' },
    verdict: 401,
  },
  { case: 'another page with the token', headers: { ...host, origin: 'https://evil.test', ...bearer }, verdict: 403 },
  {
    case: 'paired host, other scheme',
    headers: { ...host, origin: 'http://console.example', ...bearer },
    verdict: 403,
  },
  {
    case: 'paired host, other port',
    headers: { ...host, origin: 'https://console.example:8443', ...bearer },
    verdict: 403,
  },
  { case: 'sub-domain', headers: { ...host, origin: 'https://x.console.example', ...bearer }, verdict: 403 },
  { case: 'Origin null', headers: { ...host, origin: 'null', ...bearer }, verdict: 403 },
  {
    case: 'Origin null, even when somebody allowed it',
    headers: { ...host, origin: 'null', ...bearer },
    options: { allowedOrigins: ['null'] },
    verdict: 403,
  },
  { case: 'empty Origin', headers: { ...host, origin: '', ...bearer }, verdict: 403 },
  {
    case: 'two Origins',
    headers: { ...host, origin: ['https://console.example', 'https://evil.test'], ...bearer },
    verdict: 403,
  },
  { case: 'navigation', headers: { ...host, 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'none' }, verdict: 403 },
  { case: 'navigation with the token', headers: { ...host, 'sec-fetch-mode': 'navigate', ...bearer }, verdict: 403 },
  {
    case: 'picture of another page',
    headers: { ...host, 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'image' },
    verdict: 403,
  },
  { case: 'a fetch header that does not exist yet', headers: { ...host, 'sec-fetch-new': '1' }, verdict: 403 },
  {
    case: 'paired page, fetch metadata, token',
    headers: { ...host, ...origin, ...bearer, 'sec-fetch-site': 'cross-site' },
    verdict: 'pass',
  },
  {
    case: 'preflight of a paired page',
    method: 'OPTIONS',
    headers: { ...host, ...origin, 'access-control-request-method': 'GET' },
    verdict: 'preflight',
  },
  {
    case: 'preflight of another page',
    method: 'OPTIONS',
    headers: { ...host, origin: 'https://evil.test', 'access-control-request-method': 'GET' },
    verdict: 403,
  },
  { case: 'OPTIONS that is no preflight', method: 'OPTIONS', headers: { ...host, ...origin }, verdict: 401 },
  {
    case: 'a local program where all need the token',
    headers: host,
    options: { requireTokenForLocal: true },
    verdict: 401,
  },
  {
    case: 'a local program with the token where all need it',
    headers: { ...host, ...bearer },
    options: { requireTokenForLocal: true },
    verdict: 'pass',
  },
  {
    case: 'all need the token and none is set up',
    headers: { ...host, authorization: 'Bearer undefined' },
    options: { requireTokenForLocal: true, pairingToken: undefined },
    verdict: 401,
  },
];

describe('guard', () => {
  it.each(rows)('$case → $verdict', ({ headers, method = 'GET', options, verdict }) => {
    const lists = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value].flat()]));
    const given = createGuard({ ...base, ...options })({ method, headers: lists });
    expect(given.kind === 'refuse' ? given.status : given.kind).toBe(verdict);
    // Only a paired page may read why it was refused.
    const readable = given.origin !== undefined;
    expect(readable).toBe(
      verdict === 'preflight' || ((verdict === 'pass' || verdict === 401) && headers.origin !== undefined),
    );
  });
});
