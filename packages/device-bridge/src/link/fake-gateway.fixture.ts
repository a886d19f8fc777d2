import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { LinkMessage } from '@atesto/shared/contracts/bridge-link';
import { linkMessage } from '@atesto/shared/contracts/bridge-link';
import { findRequest, newRemoteCapture, newTransaction, type TransactionView } from '@atesto/shared/contracts/gateway';
import { readImageHeader } from '@atesto/shared/domain/image-header';
import { type WebSocket, WebSocketServer } from 'ws';
import type * as z from 'zod';

export const STATION_KEY = 'station-key-of-the-tests';
export const STATION_ID = '0b6ff2d8-6fd4-4a5e-8c5a-1e3f5a1b2c3d';

export interface SeenRequest {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

type Accepted = z.infer<typeof newTransaction>;
type Fields = Partial<TransactionView>;

/** Newest wins; returns whether it handled the request. */
export type Behaviour = (request: SeenRequest, response: ServerResponse) => boolean | Promise<boolean>;

/** A real HTTP server that plays the gateway's contract for stations, strict about what it is sent, and records it. */
export class FakeGateway {
  readonly seen: SeenRequest[] = [];
  readonly operators = new Map<string, string>();
  readonly people = new Set<string>();
  readonly captures = new Map<string, Buffer>();
  readonly transactions = new Map<string, { body: Accepted; view: TransactionView }>();
  /** Captures that went into a transaction. */
  readonly spent = new Set<string>();
  readonly codes = new Set<string>();
  readonly behaviours: Behaviour[] = [];
  readonly linkMessages: LinkMessage[] = [];
  links: WebSocket[] = [];
  resendable = 0;
  /** Ids of single transactions that were asked to be resent. */
  readonly resent: string[] = [];
  readonly remotes = new Map<string, { body: z.infer<typeof newRemoteCapture>; status: string }>();
  /** What a transaction looks like when the answer goes out. */
  judge: (body: Accepted) => Fields = ({ kind }) =>
    kind === 'spid.verify'
      ? { state: 'concluded', verdict: 'match', upstreamStatus: 'SEARCH_MATCH', upstreamId: 'u-1' }
      : { state: 'accepted' };
  #server: Server | undefined;
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Listens; again on the same port after `stop`. */
  async start(): Promise<this> {
    const server = createServer((request, response) => void this.#handle(request, response));
    const sockets = new WebSocketServer({ noServer: true });
    server.on('upgrade', (request, socket, head) => {
      if (request.url !== '/v1/link' || request.headers.authorization !== `Bearer ${STATION_KEY}`) {
        socket.on('error', () => socket.destroy());
        socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n');
        return;
      }
      sockets.handleUpgrade(request, socket, head, (link) => {
        this.links.push(link);
        link.on('message', (data) => this.linkMessages.push(linkMessage.parse(JSON.parse(data.toString()))));
      });
    });
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
    return this;
  }

  /** Goes away: connections are cut, the port refuses. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const link of this.links) link.terminate();
    this.links = [];
    if (!server) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }

  count(method: string, path: RegExp): number {
    return this.seen.filter((request) => request.method === method && path.test(request.path)).length;
  }

  view(id: string, fields: Fields = {}): TransactionView {
    const at = new Date().toISOString();
    const body = this.transactions.get(id)?.body;
    return {
      id,
      kind: body?.kind ?? 'spid.enroll',
      state: 'accepted',
      attempt: 0,
      subject: '00000000-0000-4000-8000-000000000001',
      acceptedAt: at,
      updatedAt: at,
      ...fields,
    };
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const seen = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks),
    };
    this.seen.push(seen);
    for (const behaviour of [...this.behaviours].reverse()) if (await behaviour(seen, response)) return undefined;
    if (seen.path !== '/v1/stations' && request.headers.authorization !== `Bearer ${STATION_KEY}`)
      return problem(response, 401, 'unauthenticated');
    return this.#route(seen, response);
  }

  #route(seen: SeenRequest, response: ServerResponse): ServerResponse {
    const { method, path } = seen;
    const capture = /^\/v1\/captures\/([0-9a-f-]{36})$/.exec(path)?.[1];
    if (method === 'PUT' && capture) return this.#putCapture(seen, capture, response);
    const known = /^\/v1\/transactions\/([0-9a-f-]{36})(\/report\?source=upstream)?$/.exec(path);
    if (method === 'GET' && known?.[1]) return this.#get(known[1], known[2] !== undefined, response);
    if (method !== 'POST') return problem(response, 404, 'not-found');
    const resend = /^\/v1\/transactions\/([0-9a-f-]{36})\/resend$/.exec(path)?.[1];
    if (resend) {
      this.resent.push(resend);
      return this.#get(resend, false, response);
    }
    const body = JSON.parse(seen.body.toString('utf8'));
    switch (path) {
      case '/v1/operators/lookup':
        return json(response, 200, { status: this.operators.get(body.cpf) ?? null });
      case '/v1/people/lookup':
        return json(response, 200, { registered: this.people.has(body.cpf) });
      case '/v1/transactions':
        return this.#post(body, response);
      case '/v1/transactions/lookup':
        return json(response, 200, { transaction: this.#about(body.cpf).at(-1) ?? null });
      case '/v1/transactions/find': {
        const { ids } = findRequest.parse(body);
        const found = ids.flatMap((id) => this.transactions.get(id)?.view ?? []);
        return json(response, 200, { transactions: found });
      }
      case '/v1/remote-captures': {
        const id = randomUUID();
        this.remotes.set(id, { body: newRemoteCapture.parse(body), status: 'SEARCH_PENDING' });
        return json(response, 201, { id, status: 'SEARCH_PENDING', url: `https://link.example/${id}` });
      }
      case '/v1/transactions/resend':
        return json(response, 200, { count: this.resendable });
      case '/v1/stations':
        if (!this.codes.delete(body.code)) return problem(response, 403, 'invalid-code');
        return json(response, 201, { id: STATION_ID, name: 'Balcão 1', key: STATION_KEY });
      default:
        return problem(response, 404, 'not-found');
    }
  }

  #putCapture(seen: SeenRequest, id: string, response: ServerResponse): ServerResponse {
    const sha256 = createHash('sha256').update(seen.body);
    const digest = sha256.copy().digest('base64');
    const header = readImageHeader(seen.body);
    if (seen.headers['content-digest'] !== `sha-256=:${digest}:`) return problem(response, 400, 'digest-mismatch');
    if (!header || seen.headers['content-type'] !== `image/${header.format}`)
      return problem(response, 415, 'unsupported-media-type');
    const before = this.captures.get(id);
    if (before && !before.equals(seen.body)) return problem(response, 409, 'id-conflict');
    this.captures.set(id, seen.body);
    const { width, height } = header;
    return json(response, before ? 200 : 201, {
      id,
      sha256: sha256.digest('hex'),
      bytes: seen.body.length,
      width,
      height,
    });
  }

  #post(json_: unknown, response: ServerResponse): ServerResponse {
    const body = newTransaction.parse(json_);
    const { evidence } = body.operator;
    const ids = [...body.biometrics.map(({ capture }) => capture), ...(evidence === undefined ? [] : [evidence])];
    const id = body.id ?? '';
    const before = this.transactions.get(id);
    if (before && JSON.stringify(before.body) !== JSON.stringify(body)) return problem(response, 409, 'id-conflict');
    if (!before) {
      if (!ids.every((capture) => this.captures.has(capture))) return problem(response, 400, 'unknown-capture');
      if (ids.some((capture) => this.spent.has(capture)) || new Set(ids).size < ids.length)
        return problem(response, 409, 'capture-spent');
      for (const capture of ids) this.spent.add(capture);
    }
    if (!before) this.transactions.set(id, { body, view: this.view(id, { kind: body.kind, ...this.judge(body) }) });
    return json(response, before ? 200 : 201, this.transactions.get(id)?.view);
  }

  /** Views of the transactions about a person, oldest first. */
  #about(cpf: string): TransactionView[] {
    return [...this.transactions.values()].flatMap(({ body, view }) => (body.subject.cpf === cpf ? [view] : []));
  }

  #get(id: string, report: boolean, response: ServerResponse): ServerResponse {
    const remote = this.remotes.get(id);
    if (remote) {
      const kind = `spid.remote-${remote.body.kind}` as const;
      return json(response, 200, this.view(id, { kind, state: 'awaiting', upstreamStatus: remote.status }));
    }
    const known = this.transactions.get(id);
    if (!known) return problem(response, 404, 'not-found');
    if (!report) return json(response, 200, known.view);
    return response.writeHead(200, { 'content-type': 'application/pdf' }).end(`%PDF-1.7 report of ${id}`);
  }
}

export function json(response: ServerResponse, status: number, body: unknown): ServerResponse {
  return response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

export function problem(response: ServerResponse, status: number, code: string): ServerResponse {
  return response
    .writeHead(status, { 'content-type': 'application/problem+json' })
    .end(JSON.stringify({ type: `https://atesto.dev/problems/${code}`, title: code, status }));
}
