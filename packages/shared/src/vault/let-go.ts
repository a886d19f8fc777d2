/** Less is the collector's own business. */
const LET_GO_BYTES = 16_384;

/**
 * Gives the memory of a large buffer back now, and not when the collector gets to it: memory outside the heap drives V8 to full collections. Whoever still
 * holds the buffer finds it empty.
 */
export function letGo({ buffer, byteLength }: Uint8Array): void {
  if (byteLength >= LET_GO_BYTES && buffer instanceof ArrayBuffer && buffer.byteLength === byteLength)
    buffer.transfer(0);
}
