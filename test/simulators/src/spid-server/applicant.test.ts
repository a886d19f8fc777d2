import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RemoteStage } from './remote.ts';
import { createSpidServerSimulator } from './simulator.ts';

const simulator = createSpidServerSimulator();
const get = (url: string) => simulator.app.inject(url);
/** The link of a remote capture that stands so. */
function link(stage: RemoteStage): string {
  const capture = simulator.state.remote.open(stage, 'verify', Number.POSITIVE_INFINITY);
  capture.stage = stage;
  return `/applicant/${capture.token}`;
}

beforeAll(() => simulator.app.ready());
afterAll(() => simulator.close());

describe("the applicant's page", () => {
  it.each([
    ['awaiting', 200, 'welcome'],
    ['captured', 200, 'used'],
    ['received', 200, 'used'],
    ['approved', 200, 'used'],
    ['refused', 200, 'used'],
    ['expired', 410, 'expired'],
  ] as const)('of a capture that is %s: %i, begins with %s', async (stage, status, view) => {
    const url = link(stage);
    const { statusCode, headers, body } = await get(url);
    expect([statusCode, headers['content-type']]).toEqual([status, 'text/html; charset=utf-8']);
    expect(body).toContain(`<body data-view="${view}">`);
    expect((await get(`${url}/state`)).json()).toMatchObject({ stage });
  });

  it('of an unknown link: 404', async () => {
    const { statusCode, body } = await get('/applicant/nobody');
    expect([statusCode, body.includes('data-view="unknown"')]).toEqual([404, true]);
    expect((await get('/applicant/nobody/state')).statusCode).toBe(404);
  });

  it('is nowhere kept, tells nobody its address, and loads from its own origin alone', async () => {
    const page = await get(link('awaiting'));
    const parts = [...page.body.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, url]) => url as string);
    expect(parts).toEqual(['/applicant-page/page.css', '/applicant-page/page.js']);
    for (const answer of [page, ...(await Promise.all(parts.map(get)))]) {
      expect(answer.statusCode).toBeLessThan(300);
      expect(answer.headers).toMatchObject({
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'content-security-policy': expect.stringMatching(/^default-src 'none'; script-src 'self'; /),
      });
    }
  });
});
