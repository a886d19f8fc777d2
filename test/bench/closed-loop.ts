import { Client } from 'undici';

export interface Loop {
  url: string;
  headers: Readonly<Record<string, string>>;
  /** What every answer has to be. */
  expected: string;
}

export interface Turn {
  perSecond: number;
  /** Milliseconds of each call. */
  took: number[];
}

/** Calls again as soon as the answer is there, on so many connections, for so long. @throws Error for another answer than is expected */
export async function closedLoop({ url, headers, expected }: Loop, connections: number, ms: number): Promise<Turn> {
  const { origin, pathname: path } = new URL(url);
  const clients = Array.from({ length: connections }, () => new Client(origin, { pipelining: 1 }));
  const took: number[] = [];
  const call = async (client: Client) => {
    const { statusCode, body } = await client.request({ method: 'GET', path, headers });
    const text = await body.text();
    if (statusCode !== 200 || text !== expected) throw new Error(`${origin} answered ${statusCode} ${text}`);
  };
  try {
    // The connections stand before the clock runs.
    await Promise.all(clients.map(call));
    const began = performance.now();
    await Promise.all(
      clients.map(async (client) => {
        for (let from = performance.now(); from - began < ms; ) {
          await call(client);
          const until = performance.now();
          took.push(until - from);
          from = until;
        }
      }),
    );
    return { perSecond: (took.length * 1000) / (performance.now() - began), took };
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
}
