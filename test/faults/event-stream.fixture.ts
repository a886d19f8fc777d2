import assert from 'node:assert/strict';
import type { Door } from './enrolments.fixture.ts';

/** A transaction's events as they are streamed. */
export interface FollowedEvents {
  id: string;
  events(): readonly { seq: number; type: string }[];
  /** True where the gateway ended the stream, false where the line broke. */
  ended: Promise<boolean>;
  close(): void;
}

/** Follows the events of a transaction: its history and what happens, or what comes behind number `last`. */
export async function followEvents({ gateway, key }: Door, id: string, last?: number): Promise<FollowedEvents> {
  const events: { seq: number; type: string }[] = [];
  const closing = new AbortController();
  const { body } = await fetch(`${gateway.url}/v1/transactions/${id}/events`, {
    signal: closing.signal,
    headers: {
      authorization: `Bearer ${key}`,
      accept: 'text/event-stream',
      ...(last !== undefined && { 'last-event-id': String(last) }),
    },
  });
  assert.ok(body);
  let text = '';
  const read = async () => {
    for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const whole = text.split('\n\n');
      text = whole.pop() ?? '';
      for (const block of whole) {
        const [, seq, type] = /^id: (\d+)\nevent: (\S+)/.exec(block) ?? [];
        if (type !== undefined) events.push({ seq: Number(seq), type });
      }
    }
  };
  const ended = read().then(
    () => true,
    () => false,
  );
  return { id, events: () => events, ended, close: () => closing.abort() };
}
