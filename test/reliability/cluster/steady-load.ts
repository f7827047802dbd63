/** Clients that do not give up, a few dozen requests a second: each asks for its wish, with the same key, until it is acknowledged; then for the next. */
import { until } from '../../bench/ground.js';
import { askFor, wish, type Sender, type Wish } from '../house/sender.js';

const PAUSE_MS = 25;

export interface SteadyLoad {
  wishes: Wish[];
  /** ids, in the order in which they were acknowledged */
  acknowledged: string[];
  /** answers that were no acknowledgement, by status; 0: no answer at all */
  refused: Map<number, number>;
  /** Resolves, with their ids, once so many more were acknowledged. */
  goesOn(count: number, boundMs?: number): Promise<string[]>;
  /** Ends it; resolves when every wish was acknowledged. */
  end(): Promise<void>;
  /** Gives up at once, whatever was not acknowledged. */
  abandon(): void;
}

/** @param loops clients at each of the senders; one that is refused asks the next sender */
export function steadyLoad(senders: readonly Sender[], loops: number): SteadyLoad {
  let ending = false, abandoned = false;
  const acknowledged: string[] = [];
  const refused = new Map<number, number>();
  const wishes: Wish[] = [];
  const client = async (first: number): Promise<void> => {
    for (let at = first; !ending;) {
      const w = wish('native');
      wishes.push(w);
      while (w.id === null && !abandoned) {
        const status = await askFor(senders[at % senders.length]!, w).then((r) => r.status, () => 0);
        if (w.id !== null) { acknowledged.push(w.id); await new Promise((done) => { setTimeout(done, PAUSE_MS); }); break; }
        refused.set(status, (refused.get(status) ?? 0) + 1);
        at++;
        await new Promise((done) => { setTimeout(done, PAUSE_MS); });
      }
    }
  };
  const running = Promise.all(Array.from({ length: loops * senders.length }, (_, i) => client(i)));
  return {
    wishes, acknowledged, refused,
    goesOn: async (count, boundMs = 60_000) => {
      const from = acknowledged.length;
      await until(`${count} more acknowledged`, () => Promise.resolve(acknowledged.length >= from + count), { boundMs, pauseMs: 20 });
      return acknowledged.slice(from, from + count);
    },
    end: async () => { ending = true; await running; },
    abandon: () => { ending = abandoned = true; },
  };
}
