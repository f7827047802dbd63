import { openEventStoreDB } from '#libs/engines/eventstoredb/eventstoredb';
import { eventStoreContract } from '#libs/event-sourcing/testing/event-store.contract';

async function open(): ReturnType<Parameters<typeof eventStoreContract>[1]> {
  const url = process.env['EVENTSTORE_URL'];
  if (!url) throw new Error('EVENTSTORE_URL does not say where EventStoreDB is: npm run test:engines starts what is missing.');
  const { eventStore, close } = await openEventStoreDB({ url });
  return { store: eventStore, close };
}

eventStoreContract('eventstoredb', open);
