import { Damaged } from '#libs/event-sourcing/errors';
import { DUE_WORK, PARKED_DUE_WORK } from '#libs/event-sourcing/running/due-work';
import type { Engine } from '#libs/event-sourcing/running/kernel';
import { collectionOf, parkedOf, type ParkedRow } from '#libs/event-sourcing/running/projecting';
import { resume } from '#libs/event-sourcing/running/resuming';
import { operation, type Parts } from './operation.js';

export interface ViewAnswer {
  name: string; version: number; rows: number; checkpoint: string | null;
  /** events of the log that it has not seen yet; null where positions do not tell */
  lag: number | null;
  /** why it stands still, or would where no server runs; null where nothing is wrong */
  stopped: string | null;
  running: boolean;
  /** rows whose fold failed: stale until a rebuild */
  parked: { row: string; position: string; reason: string }[];
}

const PARKED_SHOWN = 100;

export const listOfViews = operation<Record<string, never>, { head: string | null; views: ViewAnswer[] }>({
  given: { type: 'object', additionalProperties: false, required: [] },
  run: (parts) => viewsOf(parts),
});

/** All views and what is still to do, each with its state. */
export async function viewsOf({ kernel, following }: Parts): Promise<{ head: string | null; views: ViewAnswer[] }> {
  const { eventStore, readModels } = kernel.options.engine;
  const head = await eventStore.head();
  const stored = new Map((await readModels.collections()).map((c) => [c.name, c]));
  const known = [...kernel.options.projections.map((p) => ({ name: p.name, version: p.version, collection: collectionOf(p), parked: parkedOf(p) })), { name: 'due-work', version: 1, collection: DUE_WORK.name, parked: PARKED_DUE_WORK.name }];
  const views = await Promise.all(known.map(async ({ name, version, collection, parked }): Promise<ViewAnswer> => {
    const status = kernel.statuses.get(name);
    const { rows = 0, checkpoint: written = null } = stored.get(collection) ?? {};
    const checkpoint = status?.position ?? written;
    let parkedRows: ViewAnswer['parked'] = [];
    if (parked !== null && stored.has(parked)) {
      await readModels.define({ name: parked, indexes: {} });
      parkedRows = (await readModels.find<ParkedRow>(parked, { where: {}, sort: { by: ['id'] }, limit: PARKED_SHOWN })).map(({ id, row }) => ({ row: id, ...row }));
    }
    return { name, version, rows, checkpoint, lag: lagOf(head, checkpoint), stopped: status ? status.stopped : await refusal(name, collection, kernel.options.engine), running: following && status !== undefined && status.stopped === null, parked: parkedRows };
  }));
  return { head, views };
}

/** Why its follower would not start; null where it would. */
async function refusal(name: string, collection: string, { readModels, eventStore }: Engine): Promise<string | null> {
  try {
    await resume(name, collection, readModels, eventStore);
    return null;
  } catch (error) {
    if (error instanceof Damaged) return error.message;
    throw error;
  }
}

/** A difference for the eye: positions are opaque, but where both are numbers these count. */
const lagOf = (head: string | null, checkpoint: string | null): number | null => {
  const [h, c] = [Number(head ?? 0), Number(checkpoint ?? 0)];
  return Number.isSafeInteger(h) && Number.isSafeInteger(c) ? h - c : null;
};

export const rebuildView = operation<{ name: string }, { name: string; events: number; seconds: number; events_per_second: number }>({
  given: { type: 'object', additionalProperties: false, required: ['name'], properties: { name: { type: 'string' } } },
  async run({ kernel, clock }, { name }, running) {
    const began = clock.monotonic();
    const events = await kernel.rebuild(name, (done, at, to) => {
      running.signal.throwIfAborted();
      const share = Number(at) / Number(to);
      running.progress({ done, of: null, unit: 'events', ...(Number.isFinite(share) ? { share } : {}) });
    });
    const seconds = (clock.monotonic() - began) / 1000;
    return { name, events, seconds: Math.round(seconds * 1000) / 1000, events_per_second: Math.round(events / Math.max(seconds, 0.001)) };
  },
});
