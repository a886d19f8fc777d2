/**
 * One call for many: what is asked for while a call is under way goes into the next one together, `most` at a time. What comes alone goes at
 * once, at the end of this turn of the loop.
 * @param call gives one result for each item, in their order; where it fails, all of its items do
 */
export function inGroups<T, R>(
  call: (items: readonly T[]) => Promise<readonly R[]>,
  most: number,
): (item: T) => Promise<R> {
  const waiting: { item: T; done: PromiseWithResolvers<R> }[] = [];
  let busy = false;

  async function begin(): Promise<void> {
    const group = waiting.splice(0, most);
    try {
      const results = await call(group.map(({ item }) => item));
      for (const [i, { done }] of group.entries()) done.resolve(results[i] as R);
    } catch (error) {
      for (const { done } of group) done.reject(error);
    }
    if (waiting.length > 0) setImmediate(begin);
    else busy = false;
  }

  return (item) => {
    const done = Promise.withResolvers<R>();
    waiting.push({ item, done });
    if (!busy) {
      busy = true;
      setImmediate(begin);
    }
    return done.promise;
  };
}
