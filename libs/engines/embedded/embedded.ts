import type { EventStore } from '#libs/event-sourcing/ports/event-store';
import type { Keys } from '#libs/event-sourcing/ports/keys';
import type { ReadModels } from '#libs/event-sourcing/ports/read-models';
import type { Shared } from '#libs/event-sourcing/ports/shared';
import type { WorkQueue } from '#libs/event-sourcing/ports/work-queue';
import { type Clock, systemClock } from '#libs/event-sourcing/running/clock';
import { lockDataDir } from './data-folder.js';
import { EmbeddedEventStore, type StoreOptions } from './event-store.js';
import { EmbeddedKeys } from './keys.js';
import { LogFeed } from './log-feed.js';
import { EmbeddedReadModels } from './read-models.js';
import { MemoryShared } from './shared.js';
import { ThreadLink } from './thread-link.js';
import { MemoryWorkQueue } from './work-queue.js';

export interface EmbeddedOptions extends Partial<StoreOptions> {
  /** the data folder; made where it is missing */
  dir: string;
  clock?: Clock;
}

export interface Embedded {
  eventStore: EventStore;
  readModels: ReadModels;
  keys: Keys;
  workQueue: WorkQueue;
  shared: Shared;
  /** what cannot be written at the moment, and why */
  failing(): Promise<{ part: string; reason: string }[]>;
  /** what was corrected in the data folder */
  warnings: readonly string[];
  /** Finishes what waits, ends the threads and lets go of the folder. */
  close(): Promise<void>;
}

const LIMITS: StoreOptions = { maxQueued: 10_000, maxQueuedBytes: 32 * 1024 * 1024, batchSize: 500, heartbeatMs: 1000 };
const CHECKED_AT_START = 100;

/**
 * Opens the engines that need no server: node:sqlite in a folder, and memory. One process at a time.
 * @throws Damaged, naming the file or the position, when what is there is not whole · Error when the folder is held or not ours
 */
export async function openEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const clock = options.clock ?? systemClock;
  const folder = lockDataDir(options.dir);
  const file = (thread: string): URL => new URL(`./${thread}`, import.meta.url);
  const log = new ThreadLink('the log', file('log.thread'), { path: folder.path('log') }, clock, 256);
  const keys = new ThreadLink('the key directory', file('keys.thread'), { path: folder.path('keys') }, clock, 64);
  const views = new ThreadLink('the views', file('views.thread'), { path: folder.path('views') }, clock, 128, 20);
  const reader = new ThreadLink('the reader', file('reader.thread'), { log: folder.path('log'), views: folder.path('views') }, clock, 256, 50);
  // the reader first: the writers, closing last, empty their write-ahead logs
  const links = [reader, log, keys, views];
  const close = async (): Promise<void> => {
    for (const link of links) await link.close();
    folder.release();
  };
  try {
    const head = await log.start() as number;
    await keys.start();
    await views.start();
    await reader.start();
    const limits = { ...LIMITS, ...Object.fromEntries(Object.entries(options).filter(([k, v]) => k in LIMITS && v !== undefined)) };
    const eventStore = new EmbeddedEventStore(log, reader, new LogFeed(head), clock, limits);
    await eventStore.checkEnd(CHECKED_AT_START);
    const [readModels, directory] = [new EmbeddedReadModels(views, reader), new EmbeddedKeys(keys)];
    return {
      eventStore, readModels, keys: directory,
      failing: async () => Object.entries({ log: await eventStore.failing(), keys: await directory.failing(), views: readModels.failing() })
        .flatMap(([part, reason]) => (reason === null ? [] : [{ part, reason }])),
      workQueue: new MemoryWorkQueue(clock), shared: new MemoryShared(clock), warnings: folder.warnings,
      close: async () => { await eventStore.close(); await close(); },
    };
  } catch (error) {
    await close();
    throw error;
  }
}
