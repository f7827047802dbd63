import type { Stored } from '#libs/event-sourcing/sealed';
import type { KeyuseEvents } from './keyuse.events.js';

const SEALED = 's1|sub_billing|key_use|2030-01-01|entries.0.address|KeyUsesLogged|0|keyuse-0123456789abcdef0123456789abcdef|AAAA';

/** Golden samples: one stored event of every type and version. They never change; every build must still fold them. */
export const keyuseSamples: { [T in keyof KeyuseEvents]: { version: 1; data: Stored<KeyuseEvents[T]> } } = {
  KeyUsesLogged: {
    version: 1,
    data: {
      entries: [{ key: '9f86d081884c7d659a2feaa0c55ad015', owner: 'usr_0190b5a8c4e97c3a8f1d2e3b4c5d6e7f', method: 'POST', route: '/api/v1/messages', status: 202, address: SEALED as never, at: '2030-01-01T00:00:00.000Z' }],
      at: '2030-01-01T00:00:01.000Z',
    },
  },
};
