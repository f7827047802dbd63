/** Steady load that knows what became of each request. */
import { askFor, wish, type Reply, type Sender, type Wish } from './sender.js';

export interface Load {
  wishes: Wish[];
  /** refusals, by status, and how many requests had no answer */
  refused: Record<number, number>;
  unanswered: number;
  /** what each answer that was no acknowledgement said */
  onRefused: ((reply: Reply) => void) | null;
  onAcknowledged: ((w: Wish) => void) | null;
  /** Ends it; resolves when the last request has its answer, or its error. */
  stop(): Promise<void>;
  acknowledged(): Wish[];
}

/** Nobody listens any more, and whoever should have stopped this has failed. */
const GIVES_UP = 5_000;

/** So many requests at once, each with its own key, until stopped. One that is refused or not answered is given up. */
export function load(who: Sender, shape: Wish['shape'], loops: number): Load {
  let stopped = false;
  const l: Load = {
    wishes: [], refused: {}, unanswered: 0, onRefused: null, onAcknowledged: null,
    acknowledged: () => l.wishes.filter((w) => w.id !== null),
    stop: async () => { stopped = true; await running; },
  };
  const one = async (): Promise<void> => {
    while (!stopped && l.unanswered < GIVES_UP) {
      const w = wish(shape);
      l.wishes.push(w);
      try {
        const reply = await askFor(who, w);
        if (w.id === null) { l.refused[reply.status] = (l.refused[reply.status] ?? 0) + 1; l.onRefused?.(reply); } else l.onAcknowledged?.(w);
      } catch {
        l.unanswered++;
        // nobody listens any more: no use in asking on
        if (l.unanswered > loops) await new Promise((done) => { setTimeout(done, 5); });
      }
    }
  };
  const running = Promise.all(Array.from({ length: loops }, one)).then(() => undefined);
  return l;
}
