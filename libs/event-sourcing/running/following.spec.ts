import { describe, expect, it } from '@jest/globals';
import { Unavailable } from '../errors.js';
import type { Position } from '../event.js';
import type { Batch, EventStore } from '../ports/event-store.js';
import { settle, TestClock } from '../testing/test-clock.js';
import { follow, statusOf, type Follower } from './following.js';

/** A clock that also knows how many wake-ups are still to come. */
class CountingClock extends TestClock {
  pending = 0;
  override after(ms: number, call: () => void): () => void {
    this.pending++;
    let open = true;
    const end = (): void => { if (open) this.pending--; open = false; };
    const off = super.after(ms, () => { end(); call(); });
    return () => { end(); off(); };
  }
}
const batch = (position: Position, events = 1): Batch => ({ events: Array.from({ length: events }, () => ({ position }) as never), position });

/** A log of which each subscription is one of these lists; an error in it is thrown there. The last one stays open. */
function log(...subscriptions: (Batch | Error)[][]) {
  const asked: (Position | null)[] = [];
  const store = {
    head: () => Promise.resolve('9'),
    async *subscribe(after: Position | null, _prefixes: readonly string[], signal: AbortSignal) {
      const items = subscriptions[asked.push(after) - 1] ?? [];
      for (const item of items) {
        if (item instanceof Error) throw item;
        yield item;
      }
      if (!signal.aborted) await new Promise((resolve) => { signal.addEventListener('abort', resolve, { once: true }); });
    },
  } as unknown as EventStore;
  return { store, asked };
}
function follower(over: Partial<Follower> = {}) {
  const handled: Position[] = [], idle: Position[] = [];
  let at: Position | null = null;
  const f: Follower = { name: 'f', prefixes: ['x-'], start: () => Promise.resolve(at), handle: (b) => { handled.push(at = b.position); return Promise.resolve(); }, idle: (p) => { idle.push(p); return Promise.resolve(); }, ...over };
  return { f, handled, idle };
}

describe('a follower', () => {
  it('is handed batches in order, is told of the log that was not for it, and its status says where it is', async () => {
    const clock = new CountingClock(), stop = new AbortController(), { f, handled, idle } = follower(), status = statusOf('f');
    const { store } = log([batch('1', 3), batch('2', 0), batch('2', 0), batch('5', 1)]);
    const end = follow(store, f, status, clock, stop.signal);
    await settle();
    expect({ handled, idle, status }).toEqual({ handled: ['1', '5'], idle: ['2'], status: { name: 'f', position: '5', events: 4, heardAt: 0, stopped: null, anew: null } });
    stop.abort();
    await end;
    expect(clock.pending).toBe(0);
  });

  it('whose work was wiped says so until it is where it was', async () => {
    const clock = new CountingClock(), stop = new AbortController(), status = statusOf('f'), said: (Position | null)[] = [];
    const { f } = follower({ start: () => Promise.resolve(null), handle: () => { said.push(status.anew); return Promise.resolve(); } });
    const { store } = log([batch('1'), batch('2'), new Unavailable('the view f')], [batch('1'), batch('2'), batch('3')]);
    const end = follow(store, f, status, clock, stop.signal);
    await clock.advance(200);
    expect({ said, status }).toMatchObject({ said: [null, null, '2', '2', null], status: { position: '3', anew: null, stopped: null } });
    stop.abort();
    await end;
  });

  it('tries Unavailable again with back-off, doubled up to five seconds, from where it safely was, for as long as it takes', async () => {
    const clock = new CountingClock(), stop = new AbortController(), { f, handled } = follower(), status = statusOf('f');
    const away = Array.from({ length: 14 }, () => [new Unavailable('the log')]);
    const { store, asked } = log([batch('1'), new Unavailable('the log')], ...away, [batch('2')]);
    const end = follow(store, f, status, clock, stop.signal);
    await settle();
    const waits: number[] = [];
    let since = 0;
    for (let n = asked.length; n < 16; n = asked.length) {
      await clock.advance(50);
      if (asked.length > n) { waits.push(clock.monotonic() - since); since = clock.monotonic(); }
    }
    await settle();
    expect(waits).toEqual([100, 200, 400, 800, 1600, 3200, ...Array<number>(9).fill(5000)]);
    expect(asked.slice(0, 3)).toEqual([null, '1', '1']);
    expect({ handled, stopped: status.stopped }).toEqual({ handled: ['1', '2'], stopped: null });
    stop.abort();
    await end;
    expect(clock.pending).toBe(0);
  });

  it('begins with the short wait again after something came', async () => {
    const clock = new CountingClock(), stop = new AbortController(), { f } = follower();
    const gone = () => new Unavailable('the log');
    const { store, asked } = log([gone()], [gone()], [batch('1'), gone()], []);
    const end = follow(store, f, statusOf('f'), clock, stop.signal);
    await clock.advance(300);
    expect(asked).toHaveLength(3);
    await clock.advance(100);
    expect(asked).toHaveLength(4);
    stop.abort();
    await end;
  });

  it.each<[string, Partial<Follower>]>([
    ['its start', { start: () => Promise.reject(new Error('cannot begin')) }],
    ['a batch', { handle: () => Promise.reject(new Error('cannot begin')) }],
  ])('is stopped by any other error of %s, and its status says why', async (_where, over) => {
    const clock = new CountingClock(), { f } = follower(over), status = statusOf('f');
    await follow(log([batch('1')]).store, f, status, clock, new AbortController().signal);
    expect(status.stopped).toBe('cannot begin');
    expect(clock.pending).toBe(0);
  });

  it('ends at once when aborted, whatever it waits for, and leaves neither timer nor listener', async () => {
    const clock = new CountingClock();
    for (const items of [[], [batch('1')], [new Unavailable('the log')]]) {
      const stop = new AbortController(), { f } = follower();
      const end = follow(log(items).store, f, statusOf('f'), clock, stop.signal);
      await settle();
      stop.abort();
      await end;
      expect(clock.pending).toBe(0);
    }
    const { signal } = new AbortController();
    let listeners = 0;
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    signal.addEventListener = ((...a: Parameters<typeof add>) => { listeners++; add(...a); }) as typeof add;
    signal.removeEventListener = ((...a: Parameters<typeof remove>) => { listeners--; remove(...a); }) as typeof remove;
    const { f } = follower({ start: () => Promise.reject(new Unavailable('the log')) });
    void follow(log().store, f, statusOf('f'), clock, signal);
    await clock.advance(60_000);
    expect(listeners).toBe(1); // of the one wait that is under way
  });

  it('says when it last heard the log, by the monotonic clock', async () => {
    const clock = new CountingClock(), stop = new AbortController(), { f } = follower(), status = statusOf('f');
    await clock.advance(1234);
    const end = follow(log([new Unavailable('the log')], [batch('1', 0)]).store, f, status, clock, stop.signal);
    await settle();
    expect(status.heardAt).toBe(1234);
    await clock.advance(100);
    expect(status.heardAt).toBe(1334);
    stop.abort();
    await end;
  });
});
