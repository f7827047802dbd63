import { Unavailable } from '#libs/event-sourcing/errors';
import type { Append, Appended, EventStore } from '#libs/event-sourcing/ports/event-store';

/**
 * What a caller does about `Unavailable`: the same call again, same ids at the same revision. Over a store with faults
 * this must be a store without: the contract is bound to it as the proof.
 */
export function retrying(store: EventStore, tries = 100): EventStore {
  const appendMany = async (entries: readonly Append[]): Promise<(Appended | Error)[]> => {
    const answers: (Appended | Error)[] = entries.map(() => new Unavailable('the log'));
    for (let n = 0; n < tries; n++) {
      const open = answers.flatMap((a, i) => (a instanceof Unavailable ? [i] : []));
      if (open.length === 0) return answers;
      // what stands behind an open entry of its stream may have been refused only because that one was not made
      const again = entries.flatMap((e, i) => (open.some((o) => o <= i && entries[o]!.stream === e.stream) ? [i] : []));
      const got = await store.appendMany(again.map((i) => entries[i]!));
      again.forEach((i, k) => { answers[i] = got[k]!; });
    }
    return answers;
  };
  return {
    appendMany,
    async append(stream, expected, events) {
      const [answer] = await appendMany([{ stream, expected, events }]);
      if (answer instanceof Error) throw answer;
      return answer!;
    },
    read: (...a) => store.read(...a),
    last: (...a) => store.last(...a),
    readAll: (...a) => store.readAll(...a),
    subscribe: (...a) => store.subscribe(...a),
    head: () => store.head(),
  };
}
