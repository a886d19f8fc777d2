/** A call that takes longer than this, in milliseconds, is not waited for: it may be stuck behind somebody's lock, or its connection be dead. */
const PATIENCE_MS = 250;

/**
 * One call for many: what is asked for while a call is under way goes into the next one together, `most` at a time. What comes alone goes at
 * once, at the end of this turn of the loop. With `atOnce` full groups do not wait for the call under way: so many calls may be.
 * @param call gives one result for each item, in their order; where it fails, all of its items do
 */
export function inGroups<T, R>(
  call: (items: readonly T[]) => Promise<readonly R[]>,
  most: number,
  atOnce = 1,
): (item: T) => Promise<R> {
  const waiting: { item: T; done: PromiseWithResolvers<R> }[] = [];
  let calls = 0;
  let scheduled = false;

  const mayBegin = () => waiting.length > 0 && (calls === 0 || (calls < atOnce && waiting.length >= most));

  function schedule(): void {
    if (scheduled || !mayBegin()) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      while (mayBegin()) void begin(waiting.splice(0, most));
    });
  }

  async function begin(group: readonly { item: T; done: PromiseWithResolvers<R> }[]): Promise<void> {
    calls++;
    let counts = true;
    const end = () => {
      if (!counts) return;
      counts = false;
      calls--;
      schedule();
    };
    const timer = setTimeout(end, PATIENCE_MS);
    try {
      const results = await call(group.map(({ item }) => item));
      for (const [i, { done }] of group.entries()) done.resolve(results[i] as R);
    } catch (error) {
      for (const { done } of group) done.reject(error);
    }
    clearTimeout(timer);
    end();
  }

  return (item) => {
    const done = Promise.withResolvers<R>();
    waiting.push({ item, done });
    schedule();
    return done.promise;
  };
}
