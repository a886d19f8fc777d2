import { request } from 'undici';

export interface Answer {
  status: number;
  body: Buffer;
}

/**
 * One HTTP call on a connection of its own. Drawing fingerprints keeps this process busy for seconds, and a kept-alive connection that died meanwhile
 * would be found by the next call.
 */
export async function call(
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  url: string,
  options: { headers?: Record<string, string>; json?: unknown } = {},
): Promise<Answer> {
  const { statusCode, body } = await request(url, {
    method,
    reset: true,
    headers: { ...options.headers, ...(options.json === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(options.json === undefined ? {} : { body: JSON.stringify(options.json) }),
  });
  return { status: statusCode, body: Buffer.from(await body.arrayBuffer()) };
}
