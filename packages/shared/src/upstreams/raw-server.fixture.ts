import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** A server below HTTP, for tests of what happens to a call when its connection does something. */
export interface RawServer {
  url: string;
  /** What arrived on all connections, as text. */
  received(): string;
  close(): Promise<void>;
}

/** Listens on loopback and gives every piece of data to `onData`, with all that the connection has sent so far. */
export async function startRawServer(
  onData: (socket: Socket, soFar: string) => void,
  onConnect: (socket: Socket) => void = () => {},
): Promise<RawServer> {
  const sockets = new Set<Socket>();
  let all = '';
  const server = createServer((socket) => {
    let soFar = '';
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk) => {
      soFar += chunk.toString('latin1');
      all += chunk.toString('latin1');
      onData(socket, soFar);
    });
    onConnect(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: () => all,
    async close() {
      for (const socket of sockets) socket.destroy();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}

/** True when the request in `text` has arrived whole, judged by its Content-Length. */
export function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
  return text.length - end - 4 >= length;
}

/** A response as it stands on the wire. */
export function httpResponse(status: number, body = '', headers: Record<string, string> = {}): string {
  const lines = Object.entries({ 'content-length': String(Buffer.byteLength(body)), ...headers });
  return `HTTP/1.1 ${status} X\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`;
}
