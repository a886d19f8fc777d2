/** Resolves when the service is told to end: by `stop`, or where none is given by SIGTERM or SIGINT. A second signal ends the process at once. */
export async function untilStopped(stop?: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (stop) {
    if (stop.aborted) return;
    stop.addEventListener('abort', () => resolve(), { once: true });
    return promise;
  }
  const onSignal = (): void => resolve();
  process.once('SIGTERM', onSignal).once('SIGINT', onSignal);
  await promise;
  process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
}
