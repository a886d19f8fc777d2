import { linkMessage } from '@atesto/shared/contracts/bridge-link';
import type { FastifyPluginAsync } from 'fastify';
import type { GatewayContext } from '../gateway-context.ts';

/** A line that says nothing for this long is taken for dead. */
const SILENCE_MS = 45_000;
const PING_MS = 15_000;

/** `GET /v1/link`: the WebSocket that a station dials. */
export const linkRoute: FastifyPluginAsync<{ context: GatewayContext }> = async (app, { context }) => {
  app.get(
    '/v1/link',
    { websocket: true, config: { access: ['station'] }, schema: { hide: true } },
    (socket, request) => {
      const { id } = request.principal;
      const { receive, detach } = context.stations.attach(id, {
        send: (command) => socket.send(JSON.stringify(command)),
        close: () => socket.close(1001, 'replaced or revoked'),
      });
      context.log.info('station-connected', { station: id });
      let heard = performance.now();
      const ping = setInterval(() => {
        if (performance.now() - heard > SILENCE_MS) socket.terminate();
        else socket.ping();
      }, PING_MS);
      socket.on('pong', () => {
        heard = performance.now();
      });
      socket.on('message', (data) => {
        heard = performance.now();
        const message = parseMessage(data.toString());
        if (message) receive(message);
        else socket.close(1007, 'not a message of this link');
      });
      socket.on('error', () => socket.terminate());
      socket.on('close', () => {
        clearInterval(ping);
        detach();
        context.log.info('station-disconnected', { station: id });
      });
    },
  );
};

function parseMessage(text: string) {
  try {
    return linkMessage.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
