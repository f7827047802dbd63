import type { AnyProjection } from '#libs/event-sourcing/projection';
import { collectionOf, projecting } from '#libs/event-sourcing/running/projecting';
import { LOCAL, type Parts, type Running } from './operation.js';

const AT_ONCE = 1_000;

/** Before a view is read: waits until it shows what was done here; where nobody follows the log, brings it up to its head. */
export async function upToDate({ kernel, following }: Parts, p: AnyProjection, { progress, signal }: Running): Promise<void> {
  if (following) {
    await kernel.seeing.upTo({ follower: p.name, collection: collectionOf(p) }, LOCAL);
    return;
  }
  const { eventStore: store, readModels: views } = kernel.options.engine;
  const follower = projecting(p, store, views, kernel.registry);
  const head = await store.head();
  let done = 0;
  for (let at = await follower.start(); head !== null && (at === null || at < head);) {
    signal.throwIfAborted();
    const batch = await store.readAll(at, follower.prefixes, AT_ONCE);
    await follower.handle(batch);
    at = batch.position;
    progress({ done: done += batch.events.length, of: null, unit: 'events' });
  }
}
