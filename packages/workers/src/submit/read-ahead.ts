/** A body that is read before its socket is there. */
export interface ReadAhead {
  /** What has been read, and the rest, for who asks first; for who asks again, as with another token, it is read anew. */
  open(): AsyncGenerator<Uint8Array, void, undefined>;
  /** Lets go of what nobody asked for. */
  close(): void;
}

/**
 * Begins to read a body's first chunk. A socket that waits for the disk carries nothing, and there are fewer sockets than transactions under way. A
 * failure is told to whoever asks for the body.
 */
export function readAhead(read: () => AsyncGenerator<Uint8Array, void, undefined>): ReadAhead {
  let begun: AsyncGenerator<Uint8Array, void, undefined> | undefined = read();
  const first = begun.next();
  const ignore = () => undefined;
  first.catch(ignore);
  return {
    async *open() {
      const source = begun;
      begun = undefined;
      if (!source) return yield* read();
      try {
        const { done, value } = await first;
        if (done) return;
        yield value;
        yield* source;
      } finally {
        await source.return();
      }
    },
    close() {
      begun?.return().catch(ignore);
      begun = undefined;
    },
  };
}
