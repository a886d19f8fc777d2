import { connect, createServer, type Socket } from 'node:net';

/** What a line does to the bytes on it, from now on and to connections that are open too. */
export type LineFault =
  /** Each piece arrives so much later, both ways. */
  | { type: 'latency'; ms: number }
  /** The answer trickles. */
  | { type: 'throttle'; bytesPerSecond: number }
  /** Bytes vanish both ways; connections are taken and stay open. */
  | { type: 'blackhole' }
  /** Open connections and new ones are reset. */
  | { type: 'reset' }
  /** What the caller sends arrives; instead of the answer the caller gets a reset. */
  | { type: 'drop-answer' }
  /** What the caller sends arrives; instead of the answer the caller gets the end of the stream. */
  | { type: 'half-close' }
  /** A caller's bytes from the piece with this text in it on vanish; all others pass. */
  | { type: 'swallow'; text: string };

/** A TCP line on a free loopback port that can fail. */
export interface FaultProxy {
  readonly port: number;
  /** `undefined` heals it: what was swallowed stays lost, and connections that met a fault are cut. @param times answers that it spoils before it heals by itself (`drop-answer` and `half-close`) */
  fail(fault: LineFault | undefined, times?: number): void;
  /** Pieces, connections or answers that met a fault. */
  met(): number;
  /** Where new connections go; open ones are cut. */
  retarget(port: number): void;
  close(): Promise<void>;
}

interface Line {
  caller: Socket;
  target: Socket;
  spoiled: boolean;
}

export async function openProxy(targetPort = 0): Promise<FaultProxy> {
  let port = targetPort;
  let fault: LineFault | undefined;
  let left = Number.POSITIVE_INFINITY;
  let met = 0;
  const lines = new Set<Line>();

  const cut = (line: Line) => {
    line.caller.resetAndDestroy();
    line.target.destroy();
    lines.delete(line);
  };
  const meet = (line: Line) => {
    met++;
    line.spoiled = true;
  };
  const spoil = (line: Line, how: 'drop-answer' | 'half-close') => {
    meet(line);
    if (--left <= 0) fault = undefined;
    if (how === 'drop-answer') return cut(line);
    line.caller.end();
  };
  const answer = async (line: Line, piece: Buffer): Promise<void> => {
    if (fault?.type === 'drop-answer' || fault?.type === 'half-close') return spoil(line, fault.type);
    await pass(line, line.target, line.caller, piece, fault?.type === 'throttle' ? fault.bytesPerSecond : undefined);
  };
  const pass = async (line: Line, from: Socket, to: Socket, piece: Buffer, bytesPerSecond?: number): Promise<void> => {
    if (fault?.type === 'blackhole') return meet(line);
    const pieces = bytesPerSecond === undefined ? [piece] : Array.from(piece, (byte) => Buffer.of(byte));
    const ms = fault?.type === 'latency' ? fault.ms : bytesPerSecond === undefined ? 0 : 1000 / bytesPerSecond;
    if (ms > 0) met++;
    from.pause();
    for (const one of pieces) {
      if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
      if (to.destroyed) return;
      if (to.writable && !to.write(one))
        await new Promise<void>((resolve) => to.once('drain', resolve).once('close', resolve));
    }
    from.resume();
  };

  const server = createServer({ allowHalfOpen: true }, (caller) => {
    if (fault?.type === 'reset') {
      met++;
      caller.on('error', () => undefined);
      caller.resetAndDestroy();
      return;
    }
    const target = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const line: Line = { caller, target, spoiled: false };
    lines.add(line);
    caller.on('data', (piece) => {
      if (fault?.type === 'swallow' && (line.spoiled || piece.includes(fault.text))) return meet(line);
      void pass(line, caller, target, piece);
    });
    target.on('data', (piece) => void answer(line, piece));
    caller.on('end', () => target.end());
    target.on('end', () => fault?.type !== 'blackhole' && caller.end());
    // A line that breaks on one side breaks on the other; one that only ended has had its end passed on.
    for (const side of [caller, target]) {
      side.on('error', () => cut(line));
      side.on('close', () => caller.destroyed && target.destroyed && lines.delete(line));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    port: address.port,
    fail(next, times = Number.POSITIVE_INFINITY) {
      fault = next;
      left = times;
      for (const line of [...lines]) {
        if (next?.type === 'reset') {
          met++;
          cut(line);
        } else if (next === undefined && line.spoiled) cut(line);
      }
    },
    met: () => met,
    retarget(next) {
      port = next;
      for (const line of [...lines]) cut(line);
    },
    async close() {
      for (const line of [...lines]) cut(line);
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
