import { projection } from '#libs/event-sourcing/projection';
import type { Sealed } from '#libs/event-sourcing/sealed';
import type { KeyuseEvents } from '#libs/identity/keyuse/keyuse.events';

/** What one use of a key was: a line of its log. Its id is `{key}.{stream's id}.{place}`. */
export type LoggedUse = { kind: 'use'; key: string; at: string; method: string; route: string; status: number; address: Sealed<string> };
/** What a key was used for, in all: one row, its id the key's. */
export type CountedUses = {
  kind: 'count';
  key: string;
  /** the last use */
  at: string;
  total: number;
  /** answered with 400 or more */
  errors: number;
  /** by route template and method: as many as there are routes */
  endpoints: { method: string; route: string; total: number; errors: number }[];
};
export type KeyUseRow = LoggedUse | CountedUses;

const ID = 'keyuse-'.length;

export const keyUse = projection<KeyuseEvents, KeyUseRow>({
  name: 'key-use',
  version: 1,
  follows: ['keyuse'],
  indexes: { byKey: ['kind', 'key', 'at'] },
  keys: ({ stream, data }) => [...new Set(data.entries.map((e) => e.key)), ...data.entries.map((e, i) => `${e.key}.${stream.slice(ID)}.${i}`)],
  fold(row, { data }, id) {
    const [key, , place] = id.split('.');
    if (place !== undefined) {
      const { method, route, status, address, at } = data.entries[Number(place)]!;
      return { kind: 'use', key: key!, at, method, route, status, address };
    }
    return data.entries.filter((e) => e.key === key).reduce<CountedUses>(counted, (row as CountedUses | null) ?? { kind: 'count', key: key!, at: '', total: 0, errors: 0, endpoints: [] });
  },
});

function counted(row: CountedUses, use: { method: string; route: string; status: number; at: string }): CountedUses {
  const error = use.status >= 400 ? 1 : 0;
  const of = row.endpoints.find((e) => e.method === use.method && e.route === use.route) ?? { method: use.method, route: use.route, total: 0, errors: 0 };
  return {
    ...row, total: row.total + 1, errors: row.errors + error,
    // events of several processes come in the order of the log, their moments not quite
    at: use.at > row.at ? use.at : row.at,
    endpoints: [...row.endpoints.filter((e) => e !== of && !(e.method === of.method && e.route === of.route)), { ...of, total: of.total + 1, errors: of.errors + error }]
      .sort((a, b) => (`${a.route} ${a.method}` < `${b.route} ${b.method}` ? -1 : 1)),
  };
}
