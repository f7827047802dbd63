import { processOf } from '#libs/event-sourcing/process';
import { batch } from './batch.decider.js';

export const BATCH_PARTS = 'batch-parts';

/** Makes the parts a chunk at a time; nothing before the batch was accepted. */
export const parts = processOf({
  name: 'parts',
  of: batch,
  next: (b, id) => (b.accepted && b.made < b.chunks ? { topic: BATCH_PARTS, lane: '', id: `${id}/${b.made}`, dueAt: b.acceptedAt } : null),
});
