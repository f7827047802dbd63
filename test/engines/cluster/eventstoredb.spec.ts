import { openEventStoreDB } from '#libs/engines/eventstoredb/eventstoredb';
import { eventStoreContract } from '#libs/event-sourcing/testing/event-store.contract';

// as one house among others: on this server the other suites keep their logs meanwhile
eventStoreContract('eventstoredb', async () => {
  const url = process.env['EVENTSTORE_URL'];
  if (!url) throw new Error('EVENTSTORE_URL does not say where EventStoreDB is: npm run test:engines starts what is missing.');
  const { eventStore, close } = await openEventStoreDB({ url, prefix: 'contract.' });
  return { store: eventStore, close };
});
