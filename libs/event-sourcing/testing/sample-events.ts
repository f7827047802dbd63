import { randomUUID } from 'node:crypto';
import type { NewEvent, StoredEvent } from '../event.js';
import type { EventStore } from '../ports/event-store.js';

/** An event with a new id. */
export const newEvent = (data: unknown = {}, over: Partial<NewEvent> = {}): NewEvent => ({
  id: `evt_${randomUUID()}`, type: 'SomethingHappened', version: 1, data,
  tags: { owner: 'somebody', parent: 'run_1', subjects: ['sub_1'], acceptedAt: '2026-01-02T03:04:05.000Z' },
  metadata: { correlationId: 'req_1', causationId: 'req_1', principal: 'somebody', traceparent: '00-1-2-01', at: '2026-01-02T03:04:05.000Z' },
  ...over,
});
export const newStream = (category = 'thing'): string => `${category}-${randomUUID()}`;

/** Everything after a position, in batches, until nothing is left. */
export async function readOut(store: EventStore, after: string | null, prefixes: readonly string[], limit = 100): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for (let at = after; ;) {
    const batch = await store.readAll(at, prefixes, limit);
    if (batch.events.length === 0) return events;
    events.push(...batch.events);
    at = batch.position;
  }
}
