import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { TooLarge, VersionConflict } from '../errors.js';
import { NO_STREAM, type NewEvent, type StoredEvent } from '../event.js';
import type { Append, Appended, Batch, EventStore } from '../ports/event-store.js';
import { eventStoreModel } from './event-store-model.contract.js';
import { newEvent, newStream, readOut } from './sample-events.js';

export type OpenEventStore = () => Promise<{ store: EventStore; close(): Promise<void> }>;

const newEvents = (n: number): NewEvent[] => Array.from({ length: n }, (_, i) => newEvent({ i }));
const idsOf = (events: readonly { id: string }[]): string[] => events.map((e) => e.id);

/** Follows until the condition holds for what came. */
async function follow(store: EventStore, after: string | null, prefixes: readonly string[], until: (events: StoredEvent[], last: Batch) => boolean): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  const stop = new AbortController();
  for await (const batch of store.subscribe(after, prefixes, stop.signal)) {
    events.push(...batch.events);
    if (until(events, batch)) stop.abort();
  }
  return events;
}

/** What every log holds to. The log may be shared with others: each test uses streams of its own. */
export function eventStoreContract(engine: string, open: OpenEventStore): void {
  describe(`${engine}: the event store's contract`, () => {
    let store: EventStore;
    let close: () => Promise<void>;
    beforeAll(async () => { ({ store, close } = await open()); });
    afterAll(() => close());

    describe('append', () => {
      it('answers position and revision, and what was appended is read as it was', async () => {
        const stream = newStream();
        const events = [newEvent({ text: 'grüße 👋', nested: [{ a: null, b: [1.5, true] }] }), newEvent({}, { version: 7, tags: { owner: 'o' } })];
        const first = await store.append(stream, NO_STREAM, events);
        const second = await store.append(stream, 1, [newEvent()]);
        expect(first.revision).toBe(1);
        expect(second.revision).toBe(2);
        expect(second.position > first.position).toBe(true);
        const read = await store.read(stream, 0, 2);
        expect(read).toEqual(events.map((e, revision) => ({ ...e, stream, revision, position: expect.any(String) })));
        expect(read[1]!.position).toBe(first.position);
        expect(await store.last(stream)).toMatchObject({ revision: 2, position: second.position });
      });

      it('refuses a stream that is behind and one that is ahead, and leaves both as they were', async () => {
        const stream = newStream();
        const events = newEvents(3);
        await store.append(stream, NO_STREAM, events);
        for (const expected of [NO_STREAM, 0, 1, 3, 7]) {
          await expect(store.append(stream, expected, [newEvent()])).rejects.toThrow(VersionConflict);
        }
        await expect(store.append(newStream(), 0, [newEvent()])).rejects.toThrow(VersionConflict);
        expect(idsOf(await store.read(stream, 0, 10))).toEqual(idsOf(events));
      });

      it('answers a repeat as the first time, even after later events', async () => {
        const stream = newStream();
        const [a, b, c, d] = newEvents(4) as [NewEvent, NewEvent, NewEvent, NewEvent];
        const first = await store.append(stream, NO_STREAM, [a, b]);
        expect(await store.append(stream, NO_STREAM, [a, b])).toEqual(first);
        const later = await store.append(stream, 1, [c]);
        await store.append(stream, 2, [d]);
        expect(await store.append(stream, NO_STREAM, [a, b])).toEqual(first);
        expect(await store.append(stream, 1, [c])).toEqual(later);
        expect(idsOf(await store.read(stream, 0, 10))).toEqual(idsOf([a, b, c, d]));
      });

      it('takes no part of it, no other order and no other place for a repeat', async () => {
        const stream = newStream();
        const [a, b] = newEvents(2) as [NewEvent, NewEvent];
        await store.append(stream, NO_STREAM, [a, b]);
        for (const [expected, events] of [[NO_STREAM, [b, a]], [NO_STREAM, [a, newEvent()]], [0, [a]], [NO_STREAM, [a, b, newEvent()]]] as const) {
          await expect(store.append(stream, expected, events)).rejects.toThrow(VersionConflict);
        }
        expect(idsOf(await store.read(stream, 0, 10))).toEqual(idsOf([a, b]));
      });

      it('lets one of two who append at the same revision win', async () => {
        const stream = newStream();
        const answers = await Promise.allSettled(Array.from({ length: 8 }, () => store.append(stream, NO_STREAM, [newEvent()])));
        expect(answers.filter((a) => a.status === 'fulfilled')).toHaveLength(1);
        for (const a of answers) if (a.status === 'rejected') expect(a.reason).toBeInstanceOf(VersionConflict);
        expect(await store.read(stream, 0, 10)).toHaveLength(1);
      });

      it('refuses more than a mebibyte, in one event or together, and stores nothing of it', async () => {
        const stream = newStream();
        await expect(store.append(stream, NO_STREAM, [newEvent({ text: 'x'.repeat(1024 * 1024) })])).rejects.toThrow(TooLarge);
        const half = { text: 'x'.repeat(600 * 1024) };
        await expect(store.append(stream, NO_STREAM, [newEvent(half), newEvent(half)])).rejects.toThrow(TooLarge);
        expect(await store.last(stream)).toBeNull();
        await store.append(stream, NO_STREAM, [newEvent(half)]);
      });
    });

    describe('appendMany', () => {
      it('does each entry for itself, and answers in their order', async () => {
        const taken = newStream();
        const old = newEvent();
        const first = await store.append(taken, NO_STREAM, [old]);
        const entries: Append[] = [
          { stream: newStream(), expected: NO_STREAM, events: newEvents(2) },
          { stream: taken, expected: NO_STREAM, events: [newEvent()] },
          { stream: newStream(), expected: NO_STREAM, events: [newEvent({ text: 'x'.repeat(1024 * 1024) })] },
          { stream: taken, expected: NO_STREAM, events: [old] },
          { stream: newStream(), expected: 4, events: [newEvent()] },
          { stream: taken, expected: 0, events: [newEvent()] },
        ];
        const [a, b, c, d, e, f] = await store.appendMany(entries);
        expect(a).toMatchObject({ revision: 1 });
        expect(b).toBeInstanceOf(VersionConflict);
        expect(c).toBeInstanceOf(TooLarge);
        expect(d).toEqual(first);
        expect(e).toBeInstanceOf(VersionConflict);
        expect(f).toMatchObject({ revision: 1 });
        expect(await store.read(entries[0]!.stream, 0, 10)).toHaveLength(2);
      });

      it('appends entries of one stream one after the other', async () => {
        const stream = newStream();
        const events = newEvents(20);
        const answers = await store.appendMany(events.map((e, i) => ({ stream, expected: i - 1, events: [e] })));
        expect(answers.map((a) => (a as Appended).revision)).toEqual(events.map((_, i) => i));
        expect(idsOf(await store.read(stream, 0, 100))).toEqual(idsOf(events));
      });

      it('answers nothing for nothing', async () => {
        expect(await store.appendMany([])).toEqual([]);
      });
    });

    describe('reading', () => {
      it('reads a stream from any revision, in pages, and nothing past its end', async () => {
        const stream = newStream();
        const events = newEvents(25);
        await store.append(stream, NO_STREAM, events);
        expect(idsOf(await store.read(stream, 0, 10))).toEqual(idsOf(events.slice(0, 10)));
        expect(idsOf(await store.read(stream, 20, 10))).toEqual(idsOf(events.slice(20)));
        expect(await store.read(stream, 25, 10)).toEqual([]);
        expect(await store.read(newStream(), 0, 10)).toEqual([]);
        expect(await store.last(newStream())).toBeNull();
      });

      it('reads the log by prefixes, in its order, in pages without gap or double', async () => {
        const mine = `mine${randomUUID()}`;
        const other = `other${randomUUID()}`;
        const start = await store.head();
        const ids: Record<string, string[]> = { [mine]: [], [other]: [], [`${mine}x`]: [] };
        for (let i = 0; i < 30; i++) {
          const category = Object.keys(ids)[i % 3]!;
          const events = newEvents(1 + (i % 2));
          await store.append(`${category}-${i}`, NO_STREAM, events);
          ids[category]!.push(...idsOf(events));
        }
        const both = await readOut(store, start, [`${mine}-`, `${other}-`], 4);
        expect(both.map((e) => e.position)).toEqual(both.map((e) => e.position).toSorted());
        expect(idsOf(both).toSorted()).toEqual([...ids[mine]!, ...ids[other]!].toSorted());
        expect(idsOf(await readOut(store, start, [`${mine}-`]))).toEqual(ids[mine]);
        expect(idsOf(await readOut(store, null, [`${other}-`]))).toEqual(ids[other]);
        const everything = idsOf(await readOut(store, start, [], 7));
        for (const id of Object.values(ids).flat()) expect(everything.filter((x) => x === id)).toHaveLength(1);
      });

      it('says how far the log was seen, also where nothing matched', async () => {
        const { position } = await store.append(newStream(), NO_STREAM, [newEvent()]);
        const batch = await store.readAll(null, [`nothing${randomUUID()}-`], 10);
        expect(batch.events).toEqual([]);
        expect(batch.position >= position).toBe(true);
        expect(await store.readAll(batch.position, [`nothing${randomUUID()}-`], 10)).toMatchObject({ events: [] });
        expect(((await store.head()) ?? '') >= position).toBe(true);
      });
    });

    describe('subscribe', () => {
      it('gives what is there, then what comes, without gap or double', async () => {
        const category = `sub${randomUUID()}`;
        const events = newEvents(60);
        const append = (i: number): Promise<Appended> => store.append(`${category}-${i}`, NO_STREAM, [events[i]!]);
        const { position } = await append(0);
        for (let i = 1; i < 20; i++) await append(i);
        const came = follow(store, position, [`${category}-`], (seen) => seen.length >= 59);
        await Promise.all(events.slice(20).map((_, i) => append(20 + i)));
        const seen = await came;
        expect(idsOf(seen.slice(0, 19))).toEqual(idsOf(events.slice(1, 20)));
        expect(idsOf(seen).toSorted()).toEqual(idsOf(events.slice(1)).toSorted());
        expect(seen.map((e) => e.position)).toEqual(seen.map((e) => e.position).toSorted());
        expect(seen).toEqual(await readOut(store, position, [`${category}-`]));
      });

      it('holds nothing up for a follower that takes its time, and loses nothing for it', async () => {
        const category = `slow${randomUUID()}`;
        const first = await store.append(`${category}-first`, NO_STREAM, [newEvent()]);
        const stop = new AbortController();
        const batches = store.subscribe(null, [`${category}-`], stop.signal)[Symbol.asyncIterator]();
        // on a log that others share, empty batches may tell how far it was looked through first
        let batch: Batch;
        do batch = (await batches.next()).value as Batch; while (batch.events.length === 0);
        expect(batch).toMatchObject({ events: [{ position: first.position }] });
        const entries = Array.from({ length: 1200 }, (_, i) => ({ stream: `${category}-${i}`, expected: NO_STREAM, events: [newEvent({ i })] }));
        for (const a of await store.appendMany(entries)) expect(a).not.toBeInstanceOf(Error);
        const seen: string[] = [];
        while (seen.length < entries.length) seen.push(...idsOf(((await batches.next()).value as Batch).events));
        expect(seen).toHaveLength(entries.length);
        expect(seen.toSorted()).toEqual(entries.map((e) => e.events[0]!.id).toSorted());
        stop.abort();
        expect((await batches.next()).done).toBe(true);
      });

      it('tells an idle follower how far the log is', async () => {
        const { position } = await store.append(newStream(), NO_STREAM, [newEvent()]);
        let told = '';
        expect(await follow(store, null, [`never${randomUUID()}-`], (_, last) => (told = last.position) >= position)).toEqual([]);
        expect(told >= position).toBe(true);
      });

      it('ends when it is aborted, while it waits and before it begins', async () => {
        const stop = new AbortController();
        const waiting = store.subscribe(await store.head(), [`never${randomUUID()}-`], stop.signal)[Symbol.asyncIterator]();
        const next = waiting.next();
        stop.abort();
        expect((await next).done).toBe(true);
        expect((await store.subscribe(null, [], AbortSignal.abort())[Symbol.asyncIterator]().next()).done).toBe(true);
      });
    });

    eventStoreModel(() => store);
  });
}
