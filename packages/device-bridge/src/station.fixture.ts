import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type CaptureListItem,
  captureListItem,
  SPID_SERVICES_BASE,
  type SpidServicesAnswer,
  type SpidServicesCall,
  type SpidServicesRoute,
  spidServicesAnswer,
  spidServicesRoutes,
} from '@atesto/shared/contracts/spid-services';
import { createKeyRing } from '@atesto/shared/vault/key-ring';
import { request } from 'undici';
import { expect, vi } from 'vitest';
import * as z from 'zod';
import { type Bridge, type BridgeOptions, startBridge } from './bridge.ts';
import type { Camera } from './camera/camera.ts';
import { FakeGateway, STATION_KEY } from './link/fake-gateway.fixture.ts';
import { FakeReaders } from './session/fake-readers.fixture.ts';

export const ANA = '11144477735';
export const BIA = '39053344705';
export const PERSON = '52998224725';
export const keyRing = createKeyRing([{ id: 'k1', key: Buffer.alloc(32, 3) }], Buffer.alloc(32, 4));

/** A whole station on a real port, its gateway beside it, its database in a folder of its own. */
export class Station {
  readonly gateway = new FakeGateway();
  readonly readers = new FakeReaders();
  readonly folder = mkdtempSync(join(tmpdir(), 'atesto-station-'));
  readonly outboxFile = join(this.folder, 'outbox.sqlite');
  options: Partial<BridgeOptions> = {};
  camera: Camera | undefined;
  bridge: Bridge | undefined;

  async start(): Promise<this> {
    this.readers.plug();
    this.gateway.operators.set(ANA, 'VERIFIED').set(BIA, 'VERIFIED');
    this.gateway.people.add(PERSON);
    await this.gateway.start();
    await this.startBridge();
    return this;
  }

  async startBridge(): Promise<void> {
    this.bridge = await startBridge(
      {
        port: 0,
        gateway: { url: this.gateway.url, key: STATION_KEY, answerTimeoutMs: 1_000, connectTimeoutMs: 500 },
        outboxFile: this.outboxFile,
        keyRing,
        verdictWait: 1,
        plans: { enroll: [6, 7], verify: [6] },
        linkBackOff: { baseMs: 20, maxMs: 50 },
        deliveryBackOff: { baseMs: 20, maxMs: 50 },
        ...this.options,
      },
      { transport: this.readers, match: this.readers.match, camera: this.camera },
    );
  }

  async stopBridge(): Promise<void> {
    await this.bridge?.close();
    this.bridge = undefined;
  }

  async close(): Promise<void> {
    await this.stopBridge();
    await this.gateway.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** One call over HTTP, as the vendor's clients make it. */
  async raw(
    call: SpidServicesCall,
    params: Record<string, string> = {},
    json?: unknown,
  ): Promise<{ type: string; body: Buffer }> {
    const route: SpidServicesRoute = spidServicesRoutes[call];
    const path = route.path.replace(/\{(\w+)\}/g, (_all, name: string) => encodeURIComponent(params[name] ?? ''));
    const query = Object.entries(params).filter(([name]) => route.query?.includes(name));
    const url = `${this.bridge?.url}${SPID_SERVICES_BASE}${path}?${new URLSearchParams(query)}`;
    const body =
      json === undefined ? {} : { body: JSON.stringify(json), headers: { 'content-type': 'application/json' } };
    const answer = await request(url, { method: route.method, ...body });
    expect(answer.statusCode).toBe(200);
    return { type: String(answer.headers['content-type']), body: Buffer.from(await answer.body.arrayBuffer()) };
  }

  async call(call: SpidServicesCall, params: Record<string, string> = {}, json?: unknown): Promise<SpidServicesAnswer> {
    const { body } = await this.raw(call, params, json);
    return spidServicesAnswer.strict().parse(JSON.parse(body.toString('utf8')));
  }

  async list(): Promise<CaptureListItem[]> {
    return z.array(captureListItem.strict()).parse(JSON.parse((await this.raw('captureList')).body.toString('utf8')));
  }

  /** One call through the gateway's link. */
  async relayed(call: SpidServicesCall, params: Record<string, string> = {}, body?: unknown): Promise<unknown> {
    const id = randomUUID();
    await vi.waitFor(() => expect(this.gateway.links).not.toEqual([]));
    this.gateway.links.at(-1)?.send(JSON.stringify({ type: 'call', id, call, params, body }));
    return vi.waitFor(
      () => {
        const answer = this.gateway.linkMessages.find((message) => message.type === 'answer' && message.id === id);
        expect(answer).toBeDefined();
        return JSON.parse((answer as { body: string }).body);
      },
      { timeout: 4_000, interval: 5 },
    );
  }

  /** Polls Capture Status, as applications do, until it has this word. */
  until(status: string): Promise<SpidServicesAnswer> {
    return vi.waitFor(
      async () => {
        const answer = await this.call('captureStatus');
        expect(answer.status).toBe(status);
        return answer;
      },
      { timeout: 4_000, interval: 5 },
    );
  }

  async login(cpf = ANA): Promise<void> {
    expect(await this.call('login', { id: cpf })).toEqual({ status: 'OPERATOR_OK' });
  }

  /** Enroll, or Verify, up to READY_TO_SEND. */
  async capture(purpose: 'enroll' | 'verify'): Promise<SpidServicesAnswer> {
    expect(await this.call(purpose, { cpf: PERSON })).toEqual({ status: 'CLIENT_CAPTURING' });
    await this.until('CLIENT_CAPTURE_DONE');
    expect(await this.call('operatorCapture')).toEqual({ status: 'OPERATOR_CAPTURING' });
    return this.until('OPERATOR_CAPTURE_DONE');
  }
}
