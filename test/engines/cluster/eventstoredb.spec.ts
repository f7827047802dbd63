import { type EventStoreDBOptions, openEventStoreDB } from '#libs/engines/eventstoredb/eventstoredb';
import { eventStoreContract } from '#libs/event-sourcing/testing/event-store.contract';

type Open = Parameters<typeof eventStoreContract>[1];

const opening = (options: Omit<EventStoreDBOptions, 'url'>): Open => async () => {
  const url = process.env['EVENTSTORE_URL'];
  if (!url) throw new Error('EVENTSTORE_URL does not say where EventStoreDB is: npm run test:engines starts what is missing.');
  const { eventStore, close } = await openEventStoreDB({ url, ...options });
  return { store: eventStore, close };
};

eventStoreContract('eventstoredb', opening({}));
eventStoreContract('eventstoredb, as one house among others', opening({ prefix: 'contract.' }));
