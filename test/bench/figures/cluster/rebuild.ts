import { rmSync } from 'node:fs';
import { systemClock } from '#libs/event-sourcing/running/clock';
import { messageLog } from '#projections/message-log/message-log.projection';
import { bare } from '../../cluster/bare.js';
import { withCluster } from '../../cluster/cluster.js';
import { grouped, type Figure } from '../../ground.js';
import { openPlace } from '../../prepared/opened.js';
import { EVENTS_EACH, rebuilt, sentMessages } from '../../prepared/sent-messages.js';
import { newPlace } from '../../server.js';
import { median } from '../../statistics.js';

export const clusterRebuild: Figure = {
  name: 'rebuild',
  about: 'the view message-log made anew from the log in EventStoreDB, its rows in MongoDB; embedded, and bare upserts of as many rows, in turn',
  async measure(ground) {
    const messages = ground.quick ? 2_000 : 20_000, events = EVENTS_EACH * messages;
    return withCluster(ground, { called: 'rebuild' }, async (cluster) => {
      const embedded = await sentMessages(ground, messages);
      const inCluster = newPlace(ground);
      await sentMessages(ground, messages, inCluster, cluster.engine);
      const opened = { cluster: await openPlace(inCluster, systemClock, cluster.engine), embedded: await openPlace(embedded, systemClock) };
      const rates: Record<keyof typeof opened, number[]> = { cluster: [], embedded: [] }, rows: number[] = [], upserts: number[] = [];
      try {
        for (let i = 0; i < ground.repeats; i++) {
          ground.say(`rebuild ${i + 1}/${ground.repeats}: ${grouped(events)} events`);
          upserts.push(await bare(cluster.servers, 'upsert', ground.quick ? 1 : 3));
          for (const way of ['cluster', 'embedded'] as const) {
            const began = performance.now();
            const folded = await rebuilt(ground, opened[way].kernel, messageLog.name);
            const perMs = 1000 / (performance.now() - began);
            if (folded !== events) throw new Error(`${way}: ${folded} events of ${events} were folded`);
            rates[way].push(folded * perMs);
            if (way === 'cluster') rows.push(messages * perMs);
          }
        }
      } finally { for (const { close } of Object.values(opened)) await close(); }
      rmSync(embedded.dataDir, { recursive: true, force: true });
      return [
        { figure: 'rebuild', what: `cluster: message-log from ${grouped(events)} events; rows of the bare upsert rate`, unit: 'rows/s', samples: rows, ceilings: upserts, beside: { 'events/s': median(rates.cluster), 'of embedded': median(rates.cluster) / median(rates.embedded) } },
        { figure: 'rebuild', what: `embedded: message-log from ${grouped(events)} events, in the same run`, unit: 'events/s', samples: rates.embedded },
      ];
    });
  },
};
