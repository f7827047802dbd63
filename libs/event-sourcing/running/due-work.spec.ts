import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MemoryShared } from '#libs/engines/embedded/shared';
import { Refusal, Unavailable } from '../errors.js';
import type { Handled } from '../process.js';
import type { ReadModels, RowChange } from '../ports/read-models.js';
import type { Job } from '../ports/work-queue.js';
import { EndTour, LoseParcel, OPEN_LANE, parcel, SeeParcel, StartTour, TakeParcel, TOUR_CHECKS, TOURS, type Parcel } from '../testing/example.js';
import { by, Room } from '../testing/rooms.js';
import { settle, TestClock, until } from '../testing/test-clock.js';
import { DUE_WORK } from './due-work.js';
import type { Kernel, KernelOptions } from './kernel.js';

let room: Room;
let clock: TestClock;
let stop: AbortController;
let consuming: Promise<void>[];
beforeEach(async () => { room = await Room.open(); clock = new TestClock(); stop = new AbortController(); consuming = []; });
afterEach(async () => { stop.abort(); await Promise.all(consuming); await room.close(); });

const START = '2030-01-01T00:00:00.000Z';
const inMs = (ms: number): string => new Date(Date.parse(START) + ms).toISOString();
const take = (k: Kernel, id: string, more: object = {}) => k.commands.execute(parcel, new TakeParcel(id, { owner: 'o', to: '+4915100000001', ...more }, by('c')));
const start = async (over: Partial<KernelOptions> = {}): Promise<Kernel> => {
  const kernel = await room.kernel({ clock, projections: [], ...over });
  kernel.startFollowers();
  return kernel;
};
/** Until it leads, the fold has seen all, and what waits in memory has run. */
const caughtUp = async (k: Kernel): Promise<void> => {
  await until('due work is followed', () => k.scheduler.asks !== null || (k.statuses.get('due-work')?.stopped ?? null) !== null);
  const head = await room.engine.eventStore.head();
  await until('due work is at the head', () => (k.statuses.get('due-work')?.stopped ?? null) !== null || (k.statuses.get('due-work')?.position ?? '') >= (head ?? ''));
  await settle();
};
const rows = async (): Promise<string[]> => (await room.engine.readModels.find(DUE_WORK.name, { where: {}, sort: { by: ['dueAt', 'id'] }, limit: 1000 })).map((r) => r.id);
const consume = (topic: string, handle: (job: Job) => Promise<Handled> = () => Promise.resolve('done')): Job[] => {
  const jobs: Job[] = [];
  consuming.push(room.engine.workQueue.consume(topic, (j) => { jobs.push(j); return handle(j); }, { concurrency: 20, signal: stop.signal }));
  return jobs;
};
/** The engine's views, with what is written for due work looked at or refused first. */
function watched(before: (rows: readonly RowChange[]) => 'write' | 'refuse' | 'lose the answer'): void {
  const v = room.engine.readModels;
  const readModels: ReadModels = {
    define: (c) => v.define(c), get: (...a) => v.get(...a), getMany: (...a) => v.getMany(...a), find: (...a) => v.find(...a), count: (...a) => v.count(...a),
    checkpoint: (c) => v.checkpoint(c), mark: (c) => v.mark(c), drop: (c) => v.drop(c), collections: () => v.collections(),
    async apply(c, changes, checkpoint, mark) {
      const what = c === DUE_WORK.name ? before(changes) : 'write';
      if (what !== 'refuse') await v.apply(c, changes, checkpoint, mark);
      if (what !== 'write') throw new Unavailable('the views');
    },
  };
  room.engine = { ...room.engine, readModels };
}

describe('due work', () => {
  it('is handed over from the fold in memory; its row trails behind, and goes when it is done', async () => {
    const jobs = consume(TOURS);
    const kernel = await start();
    await take(kernel, 'now');
    await take(kernel, 'later', { dueAt: inMs(60_000) });
    await caughtUp(kernel);
    await clock.advance(10);
    await until('handed over', () => jobs.length === 1);
    expect(jobs).toEqual([{ topic: TOURS, stream: 'parcel-now', id: 'now/1', lane: 'red' }]);
    expect(await rows()).toEqual([]);
    await clock.advance(1_000);
    await until('rows', async () => (await rows()).length === 2);
    await kernel.commands.execute(parcel, new LoseParcel('now', {}, by('l')));
    await caughtUp(kernel);
    await clock.advance(1_000);
    await until('one row is gone', async () => (await rows()).length === 1);
    expect(await rows()).toEqual(['parcel-later']);
  });

  it('that begins and ends within a flush is never written', async () => {
    const written: string[] = [];
    watched((changes) => { written.push(...changes.map((c) => c.id)); return 'write'; });
    const kernel = await start();
    for (let i = 0; i < 30; i++) { await take(kernel, `p${i}`); if (i !== 7) await kernel.commands.execute(parcel, new LoseParcel(`p${i}`, {}, by('l'))); }
    await caughtUp(kernel);
    await clock.advance(1_000);
    await until('flushed', async () => (await room.engine.readModels.checkpoint(DUE_WORK.name)) !== null);
    expect(written).toEqual(['parcel-p7']);
  });

  it.each(['as it should', 'by a crash, before anything was written'])('is all handed over after an end %s, and what is done is not', async (how) => {
    const crash = how !== 'as it should';
    if (crash) watched(() => 'refuse');
    let kernel = await start();
    for (let i = 0; i < 30; i++) await take(kernel, `p${i}`, { dueAt: inMs(i < 20 ? 0 : 3_600_000) });
    for (let i = 0; i < 5; i++) await kernel.commands.execute(parcel, new LoseParcel(`p${i}`, {}, by('l')));
    await kernel.commands.execute(parcel, new StartTour('p9', { n: 1 }, by('s')));
    await caughtUp(kernel);
    await clock.advance(1_000);
    await room.reopen();
    expect((await room.engine.readModels.collections()).find((c) => c.name === DUE_WORK.name)!.rows).toBe(crash ? 0 : 25);
    const [tours, checks] = [consume(TOURS), consume(TOUR_CHECKS)];
    kernel = await start();
    await caughtUp(kernel);
    await clock.advance(1_000);
    await until('all handed over', () => tours.length >= 14);
    const wanted = Array.from({ length: 15 }, (_, i) => `p${i + 5}/1`).filter((id) => id !== 'p9/1');
    expect(tours.map((j) => j.id).toSorted()).toEqual(wanted.toSorted());
    await clock.advance(60_000);
    await until('the check of the tour under way', () => checks.length === 1);
    expect([checks[0]!.id, kernel.scheduler.size]).toEqual(['p9/1/check', 25]);
  });

  it('whose rows somebody wiped is written anew, all of it', async () => {
    const kernel = await start();
    for (let i = 0; i < 5; i++) await take(kernel, `p${i}`, { dueAt: inMs(3_600_000) });
    await caughtUp(kernel);
    await clock.advance(1_000);
    await until('rows', async () => (await rows()).length === 5);
    await room.engine.readModels.drop(DUE_WORK.name);
    await take(kernel, 'p5', { dueAt: inMs(3_600_000) });
    await caughtUp(kernel);
    await clock.advance(1_000); // found out here; acted upon with the next event
    await take(kernel, 'p6', { dueAt: inMs(3_600_000) });
    await until('rows again', async () => { await clock.advance(1_000); return (await rows().catch(() => [])).length === 7; });
    expect(kernel.scheduler.size).toBe(7);
  });

  it('leaves no row behind when the answer to its writing was lost', async () => {
    let lost = 1;
    watched((changes) => (changes.some((c) => c.row) && lost-- > 0 ? 'lose the answer' : 'write'));
    const kernel = await start();
    await take(kernel, 'a');
    await caughtUp(kernel);
    await clock.advance(1_000);
    await until('the row stands, unanswered', async () => (await rows()).length === 1);
    await kernel.commands.execute(parcel, new LoseParcel('a', {}, by('l')));
    await caughtUp(kernel);
    await clock.advance(2_000);
    await until('it is gone', async () => (await rows()).length === 0);
  });

  it('is written in the end when views were away for a while, with what is due by then', async () => {
    let away = true;
    watched(() => (away ? 'refuse' : 'write'));
    const kernel = await start();
    await take(kernel, 'a'); await take(kernel, 'b');
    await caughtUp(kernel);
    await clock.advance(1_000);
    await settle();
    away = false;
    await kernel.commands.execute(parcel, new LoseParcel('b', {}, by('l')));
    await take(kernel, 'c');
    await caughtUp(kernel);
    await clock.advance(1_000);
    await until('rows', async () => (await rows()).length === 2);
    expect(await rows()).toEqual(['parcel-a', 'parcel-c']);
  });

  it('does not start when its checkpoint lies ahead of the log, and stops at an event that it does not know', async () => {
    await room.engine.readModels.define(DUE_WORK);
    await room.engine.readModels.apply(DUE_WORK.name, [], '9999999999999999');
    let kernel = await start();
    await until('it stopped', () => (kernel.statuses.get('due-work')?.stopped ?? null) !== null);
    expect(kernel.statuses.get('due-work')!.stopped).toContain('lies ahead of the log');
    await room.engine.readModels.drop(DUE_WORK.name);
    await kernel.close();
    kernel = await start();
    await room.engine.eventStore.append('parcel-x', -1, [{ id: 'x', type: 'ParcelExploded', version: 1, data: {}, tags: { owner: 'o' }, metadata: { ...by('c'), at: '' } }]);
    await until('it stopped', () => (kernel.statuses.get('due-work')?.stopped ?? null) !== null);
    expect(kernel.statuses.get('due-work')!.stopped).toContain('ParcelExploded version 1');
  });

  it('goes on by itself once somebody mended what it stood still for, and is rebuilt only where nobody else hands over', async () => {
    await room.engine.readModels.define(DUE_WORK);
    await room.engine.readModels.apply(DUE_WORK.name, [], '9999999999999999');
    const kernel = await start();
    await until('it stopped', () => typeof kernel.statuses.get('due-work')?.stopped === 'string');
    const elsewhere = await room.kernel({ clock, projections: [] });
    await expect(elsewhere.rebuild('due-work', () => {})).rejects.toThrow('Another process hands over what is due');
    await take(elsewhere, 'x');
    await room.engine.readModels.drop(DUE_WORK.name);
    await until('it goes on', async () => { await clock.advance(10_000); return kernel.statuses.get('due-work')!.stopped === null; });
    await caughtUp(kernel);
    await kernel.close();
    let folded = 0;
    await until('the lease was let go', () => elsewhere.rebuild('due-work', () => {}).then((events) => { folded = events; return true; }, () => false));
    expect(folded).toBeGreaterThan(0);
  });

  it('tells lanes how their gateways are', async () => {
    const kernel = await start({ lanes: () => ({ ...OPEN_LANE, circuit: { failures: 2, windowMs: 30_000, windowCalls: 20, windowShare: 0.5, probeMs: 30_000 } }) });
    await caughtUp(kernel);
    for (const id of ['a', 'b']) {
      await take(kernel, id);
      await kernel.commands.execute(parcel, new StartTour(id, { n: 1 }, by('s')));
      await kernel.commands.execute(parcel, new EndTour(id, { n: 1, good: false, dueAt: inMs(3_600_000) }, by('e')));
    }
    await caughtUp(kernel);
    expect(kernel.scheduler.lanes()).toMatchObject([{ lane: 'red', open: true }]);
  });
});

describe('a worker over due work', () => {
  /** Asks nothing, claims, ends the tour; the first tour of every third parcel fails. */
  const work = (k: Kernel, tours: string[]) => async (job: Job): Promise<Handled> => {
    const [id, n] = job.id.split('/') as [string, string];
    try { await k.commands.execute(parcel, new StartTour(id, { n: Number(n) }, by(job.id, { exclusive: true }))); }
    catch (error) { if (error instanceof Refusal) return 'drop'; throw error; }
    tours.push(job.id);
    await k.commands.execute(parcel, new EndTour(id, { n: Number(n), good: n !== '1' || Number(id.slice(1)) % 3 !== 0, dueAt: k.options.clock.now().toISOString() }, by(`${job.id} end`)));
    return 'done';
  };

  it.each([1, 2])('makes every tour once, with %i schedulers at work', async (schedulers) => {
    const kernels: Kernel[] = [];
    for (let i = 0; i < schedulers; i++) {
      // each believes to lead: a stale holder of the lease must do no harm
      room.engine = { ...room.engine, shared: new MemoryShared(clock) };
      kernels.push(await start());
    }
    const tours: string[] = [];
    for (const k of kernels) consume(TOURS, work(k, tours));
    for (let i = 0; i < 40; i++) await take(kernels[i % schedulers]!, `p${i}`, { van: i % 2 ? 'red' : 'blue' });
    const delivered = async (): Promise<number> => {
      let n = 0;
      for (let i = 0; i < 40; i++) if (((await kernels[0]!.states.read(parcel, `parcel-p${i}`)).state as Parcel).status === 'delivered') n++;
      return n;
    };
    await until('all are delivered', async () => { await clock.advance(100); return (await delivered()) === 40; });
    const wanted = Array.from({ length: 40 }, (_, i) => (i % 3 === 0 ? [`p${i}/1`, `p${i}/2`] : [`p${i}/1`])).flat();
    expect(tours.toSorted()).toEqual(wanted.toSorted());
    for (const k of kernels) { await caughtUp(k); expect(k.scheduler.size).toBe(0); }
  });

  it('one of two hands over, and when it ends the other does, all that is due and in time', async () => {
    const jobs = consume(TOURS);
    const [first, second] = [await start(), await start()];
    await take(first, 'a');
    await caughtUp(first);
    await clock.advance(10);
    await until('a', () => jobs.length === 1);
    expect(second.statuses.has('due-work')).toBe(false);
    await take(second, 'b', { dueAt: inMs(4_000) });
    await first.close();
    await until('b', async () => { await clock.advance(500); return jobs.some((j) => j.id === 'b/1'); });
    // nobody answered for a: it is handed over again, and falls away where it was done
    expect(jobs.map((j) => j.id)).toEqual(['a/1', 'a/1', 'b/1']);
    expect(second.statuses.has('due-work')).toBe(true);
  });

  it('folds what another process appended from the log that it follows, and reads no stream for it', async () => {
    const { eventStore } = room.engine;
    const reads: string[] = [];
    const counting = new Proxy(eventStore, { get: (of, name: keyof typeof eventStore) => (name === 'read' ? (stream: string, from: number, limit: number) => { reads.push(stream); return of.read(stream, from, limit); } : of[name].bind(of as never)) });
    const writer = await room.kernel({ clock, projections: [] });
    room.engine = { ...room.engine, eventStore: counting };
    const follower = await start();
    await caughtUp(follower);
    const jobs = consume(TOURS);
    for (const id of ['a', 'b']) {
      await take(writer, id);
      await writer.commands.execute(parcel, new SeeParcel(id, { place: 'x' }, by(`see ${id}`)));
    }
    await take(writer, 'c', { dueAt: inMs(60_000) });
    await caughtUp(follower);
    await clock.advance(10);
    await until('a and b', () => jobs.length === 2);
    expect(follower.scheduler.size).toBe(3);
    await writer.commands.execute(parcel, new LoseParcel('c', {}, by('l')));
    await caughtUp(follower);
    expect(follower.scheduler.size).toBe(2);
    expect(reads).toEqual([]);
  });

  it('sees the current thing only: what changed meanwhile is no longer handed over', async () => {
    const jobs = consume(TOURS);
    const kernel = await start();
    await take(kernel, 'a', { dueAt: inMs(5_000) });
    await kernel.commands.execute(parcel, new SeeParcel('a', { place: 'x' }, by('d')));
    await take(kernel, 'b', { dueAt: inMs(5_000) });
    await kernel.commands.execute(parcel, new LoseParcel('b', {}, by('l')));
    await caughtUp(kernel);
    await clock.advance(6_000);
    await until('a', () => jobs.length > 0);
    expect(jobs.map((j) => j.id)).toEqual(['a/1']);
  });
});
