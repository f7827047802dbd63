import { describe, expect, it } from '@jest/globals';
import type { AnyDecider } from '../decider.js';
import { UnknownEvent } from '../errors.js';
import type { StoredEvent } from '../event.js';
import { parcel } from '../testing/example.js';
import { EventRegistry } from './event-registry.js';

const stored = (version: number, data: unknown, type = 'ParcelSeen'): StoredEvent => ({
  id: 'e', type, version, data, tags: { owner: 'o' }, metadata: { correlationId: 'c', causationId: 'c', principal: 'p', at: '' }, stream: 'parcel-a', revision: 0, position: '0000000000000007',
});
const third = { ...(parcel as AnyDecider), versions: { ParcelSeen: 3 } };

describe('the registry of events', () => {
  it('hands on what is in its newest version, untouched', () => {
    const event = stored(1, { place: 'port' });
    expect(new EventRegistry([parcel]).known(event)).toBe(event);
  });

  it('lifts an older version step by step, and leaves what is stored as it is', () => {
    const registry = new EventRegistry([third], { ParcelSeen: [(d: { where: string }) => ({ at: d.where }), (d: { at: string }) => ({ place: d.at.toUpperCase() })] });
    const [first, second] = [stored(1, { where: 'port' }), stored(2, { at: 'quay' })];
    expect([first, second].map((e) => registry.known(e))).toEqual([{ ...first, version: 3, data: { place: 'PORT' } }, { ...second, version: 3, data: { place: 'QUAY' } }]);
    expect(first.data).toEqual({ where: 'port' });
  });

  it.each<[string, StoredEvent]>([
    ['of an unknown type', stored(1, {}, 'ParcelExploded')],
    ['of a version to come', stored(99, {})],
    ['of an old version that nothing lifts', stored(1, {})],
    ['named like something every object has', stored(1, {}, 'constructor')],
  ])('refuses an event %s, by name and position', (_what, event) => {
    expect(() => new EventRegistry([third]).known(event)).toThrow(UnknownEvent);
    expect(() => new EventRegistry([third]).known(event)).toThrow(`event ${event.type} version ${event.version} at position 0000000000000007`);
  });

  it('refuses two deciders that disagree about a version, and knows all types', () => {
    expect(() => new EventRegistry([parcel, third])).toThrow('two deciders disagree about the version of ParcelSeen');
    expect(new EventRegistry([parcel, parcel]).types()).toEqual(['ParcelTaken', 'TourStarted', 'TourEnded', 'ParcelSeen', 'NoteLeft', 'ParcelLost']);
  });
});
