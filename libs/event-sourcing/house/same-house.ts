import { randomUUID } from 'node:crypto';
import { Damaged } from '../errors.js';
import type { EventStore } from '../ports/event-store.js';
import type { Keys } from '../ports/keys.js';
import type { Commands } from '../running/commands.js';
import type { States } from '../running/states.js';
import { APART, Keyring } from '../sealing/keyring.js';
import { FoundHouse, house, type HouseState } from './house.decider.js';

/** There is one in a log. */
const THIS = 'this';
/** What is made with a directory, before any key of a person. */
const FIXED_KEYS = 2;

const isEmpty = async (store: EventStore): Promise<boolean> => (await store.readAll(null, [], 1)).events.length === 0;

/** Before anything is written to the key directory. @throws Damaged where it is new, and the log is not */
export async function notBesideOldLog(store: EventStore, keys: Keys): Promise<void> {
  // looked at again: another process may have begun both meanwhile
  if (!(await Keyring.isNew(keys)) || await isEmpty(store) || !(await Keyring.isNew(keys))) return;
  throw new Damaged(`the log has events, but the key directory is new and would open nothing: ${APART}`);
}

/**
 * Compares the house that the log is of with the one that the key directory is of; what has none yet is given the other's.
 * @throws Damaged where they are two, or the log is empty and the directory holds keys
 */
export async function sameHouse(store: EventStore, keys: Keys, states: States, commands: Commands): Promise<void> {
  const known = (await states.read(house, `${house.stream}-${THIS}`)).state as HouseState;
  // keys first: a log has its house before there is a key of a person
  if (!known && (await keys.list(null, FIXED_KEYS + 1)).length > FIXED_KEYS && await isEmpty(store)) {
    throw new Damaged(`the key directory holds keys, but the log is empty: ${APART}`);
  }
  const kept = Buffer.from(await keys.constant('house', Buffer.from(known?.house ?? randomUUID()))).toString('utf8');
  const context = { principal: 'system:start', correlationId: kept, causationId: `house ${kept}` };
  const founded = known ?? (await commands.execute<HouseState>(house, new FoundHouse(THIS, { house: kept }, context))).state;
  if (founded?.house !== kept) throw new Damaged(`the log is of the house ${founded?.house}, the key directory of ${kept}: ${APART}`);
}
