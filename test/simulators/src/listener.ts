import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** The socket in front of a simulator's routes. It can go away and come back on the same port while the simulator's state lives on. */
export class Listener {
  readonly #app: FastifyInstance;
  #server: Server | undefined;
  #port = 0;
  #comeback: NodeJS.Timeout | undefined;

  constructor(app: FastifyInstance) {
    this.#app = app;
  }

  /** Listens on 127.0.0.1; 0 takes any free port. Returns the URL. */
  async listen(port = 0): Promise<string> {
    await this.#app.ready();
    const server = createServer((request, response) => this.#app.routing(request, response));
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
    return this.url;
  }

  get url(): string {
    if (this.#port === 0) throw new Error('The simulator has not listened yet.');
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Closes the port and every connection: callers are refused. With `forMs` it comes back by itself. */
  async pause(forMs?: number): Promise<void> {
    clearTimeout(this.#comeback);
    const server = this.#server;
    this.#server = undefined;
    if (server) {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    }
    if (forMs !== undefined) this.#comeback = setTimeout(() => void this.resume(), forMs);
  }

  /** Comes back on the same port. */
  async resume(): Promise<void> {
    clearTimeout(this.#comeback);
    if (!this.#server) await this.listen(this.#port);
  }

  async close(): Promise<void> {
    await this.pause();
    await this.#app.close();
  }
}
