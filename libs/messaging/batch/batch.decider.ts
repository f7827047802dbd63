import { decider, StreamCommand } from '#libs/event-sourcing/decider';
import type { Plain } from '#libs/event-sourcing/sealed';
import type { BatchEvents } from './batch.events.js';

export type BatchItem = Plain<BatchEvents['BatchItemsAdded']>['items'][number];

/** One chunk; a repeat of a chunk that is there does nothing. */
export class AddBatchItems extends StreamCommand<Omit<Plain<BatchEvents['BatchItemsAdded']>, 'at'>> {}
export class AcceptBatch extends StreamCommand<{ count: number }> {}
/** The parts of chunk number `chunk` (from 0), which has so many items, have been made. */
export class RecordPartsMade extends StreamCommand<{ chunk: number; items: number; skipped: number[] }> {}

/** Cursor and counts, never the items. */
export interface Batch {
  owner: string;
  fingerprint: string;
  acceptedAt: string;
  chunks: number;
  count: number;
  accepted: boolean;
  /** chunks whose parts have streams */
  made: number;
  /** items of these, skipped ones too */
  items: number;
}

/** Items of one chunk: keeps an append far under its limit whatever the texts. */
export const CHUNK = 50;

export const batch = decider<Batch, BatchEvents>()({
  stream: 'batch',
  snapshotVersion: 1,
  commands: { AddBatchItems, AcceptBatch, RecordPartsMade },
  initial: { owner: '', fingerprint: '', acceptedAt: '', chunks: 0, count: 0, accepted: false, made: 0, items: 0 },
  decide: {
    AddBatchItems: (b, data, now) => (b.accepted || data.chunk !== b.chunks ? [] : [{ type: 'BatchItemsAdded', data: { ...data, at: now } }]),
    AcceptBatch: (b, { count }, now) => (b.accepted || b.chunks === 0 ? [] : [{ type: 'BatchAccepted', data: { count, chunks: b.chunks, at: now } }]),
    RecordPartsMade: (b, { chunk, items, skipped }, now) => (chunk === b.made && chunk < b.chunks ? [{ type: 'BatchPartsMade', data: { chunks: chunk + 1, made: b.items + items, skipped, at: now } }] : []),
  },
  seal: {
    BatchItemsAdded: (data, by) => ({
      ...data,
      fingerprint: by.fingerprint(data.fingerprint, { kind: 'account', value: data.owner }),
      items: data.items.map((item) => {
        const whose = { kind: item.address, value: item.recipient };
        return {
          ...item,
          recipient: by.seal(`items.${item.index}.recipient`, item.recipient, whose),
          body: by.seal(`items.${item.index}.body`, item.body, whose),
          metadata: by.seal(`items.${item.index}.metadata`, item.metadata, whose),
        };
      }),
    }),
  },
  period: (b, e) => ({ category: 'messages.batch', day: (e.type === 'BatchItemsAdded' ? latest(e.data) : b.acceptedAt).slice(0, 10) }),
  evolve: {
    BatchItemsAdded: (b, e) => ({ ...b, owner: e.owner, fingerprint: e.fingerprint, acceptedAt: b.acceptedAt || e.at, chunks: e.chunk + 1 }),
    BatchAccepted: (b, e) => ({ ...b, accepted: true, count: e.count }),
    BatchPartsMade: (b, e) => ({ ...b, made: e.chunks, items: e.made }),
  },
  tags: (b) => ({ owner: b.owner, acceptedAt: b.acceptedAt }),
});

/** Retention counts from the day on which the last of the chunk is due. */
const latest = (data: Plain<BatchEvents['BatchItemsAdded']>): string => data.items.reduce((day, i) => (i.sendAt && i.sendAt > day ? i.sendAt : day), data.at);
