/** What was asked, and whom it is to be answered to. */
interface Asked<In, Out> { what: In; resolve(answer: Out): void; reject(error: unknown): void }

/**
 * One call at a time: what is asked while one is under way shares the next, so that many who ask at once cost the
 * server a few calls. A lone one waits for nobody. Where a call fails, all who wait by then are told the same: they would
 * wait for the same server again.
 * @param most how much one call holds, by `size`; what is larger goes alone
 * @param call answers all of them, in their order
 */
export function gathered<In, Out>(most: number, call: (all: readonly In[]) => Promise<readonly Out[]>, size: (what: In) => number = () => 1): (what: In) => Promise<Out> {
  let waiting: Asked<In, Out>[] = [];
  let calling = false;
  const goOn = async (): Promise<void> => {
    calling = true;
    while (waiting.length > 0) {
      let [n, held] = [0, 0];
      do held += size(waiting[n++]!.what); while (n < waiting.length && held + size(waiting[n]!.what) <= most);
      const some = waiting.splice(0, n);
      try {
        const answers = await call(some.map((asked) => asked.what));
        some.forEach((asked, i) => asked.resolve(answers[i]!));
      } catch (error) {
        const failed = [...some, ...waiting];
        waiting = [];
        for (const asked of failed) asked.reject(error);
      }
    }
    calling = false;
  };
  return (what) => new Promise((resolve, reject) => {
    waiting.push({ what, resolve, reject });
    if (!calling) void goOn();
  });
}
