import { bare, BARE } from '../../cluster/bare.js';
import { startServers } from '../../cluster/servers.js';
import type { Figure } from '../../ground.js';

const WHAT: Record<keyof typeof BARE, string> = {
  append: 'bare append of one event to new streams, 64 at once (EventStoreDB\'s test server)',
  upsert: 'bare upserts of rows, 500 in a command (FerretDB)',
  produce: 'bare sends of one record, acks=all, 64 at once (Kafka)',
};

export const clusterCeilings: Figure = {
  name: 'ceilings',
  about: 'what the three servers give to their bare drivers on this machine',
  async measure(ground) {
    const kinds = Object.keys(BARE) as (keyof typeof BARE)[];
    const rates = new Map(kinds.map((kind) => [kind, [] as number[]]));
    const servers = await startServers(ground);
    try {
      for (let i = 0; i < ground.repeats; i++) {
        ground.say(`ceilings ${i + 1}/${ground.repeats}`);
        for (const kind of kinds) rates.get(kind)!.push(await bare(servers, kind, ground.quick ? 1 : 3));
      }
    } finally { await servers.close(); }
    return kinds.map((kind) => ({ figure: 'ceilings', what: WHAT[kind], unit: '/s', samples: rates.get(kind)! }));
  },
};
