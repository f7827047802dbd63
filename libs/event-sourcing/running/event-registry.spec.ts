import { describe, expect, it } from '@jest/globals';
import type { AnyDecider } from '../decider.js';
import { UnknownEvent } from '../errors.js';
import type { StoredEvent } from '../event.js';
import { headerText, sealedOf } from '../sealed.js';
import { parcel } from '../testing/example.js';
import { EventRegistry } from './event-registry.js';

const stored = (version: number, data: unknown, type = 'ParcelSeen'): StoredEvent => ({
  id: 'e', type, version, data, tags: { owner: 'o' }, metadata: { correlationId: 'c', causationId: 'c', principal: 'p', at: '' }, stream: 'parcel-a', revision: 0, position: '0000000000000007',
});
const third: AnyDecider = { ...(parcel as AnyDecider), versions: { ParcelSeen: 3 } };

describe('the registry of events', () => {
  it('hands on what is in its newest version, untouched', () => {
    const event = stored(1, { place: 'port' });
    expect(new EventRegistry([parcel]).known(event)).toBe(event);
  });

  it('lifts an older version step by step, and leaves what is stored as it is', () => {
    const registry = new EventRegistry([{ ...third, upcasts: { ParcelSeen: [(d: { where: string }) => ({ at: d.where }), (d: { at: string }) => ({ place: d.at.toUpperCase() })] } }]);
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

  it('refuses an event that another category knows by that name', () => {
    expect(() => new EventRegistry([parcel]).known({ ...stored(1, {}), stream: 'letter-a' })).toThrow(UnknownEvent);
  });

  it('opens searchable fields, and no others, before they are folded', async () => {
    const box = (text: string): string => sealedOf(headerText({ subject: 's', category: 'kept', day: '', field: 'f', type: 'ParcelSeen', revision: 0, stream: 'parcel-a' }), text) as unknown as string;
    const opener = { open: (values: readonly unknown[]) => Promise.resolve(values.map((v) => String(v).split('|').at(-1)!).map((v) => (v === 'gone' ? null : v))) };
    const registry = new EventRegistry([{ ...(parcel as AnyDecider), searchable: { ParcelSeen: ['place', 'names'] } }], opener);
    const event = stored(1, { place: box('port'), names: [box('ann'), box('gone')], note: box('secret') });
    const [folded] = await registry.folded([event]);
    expect(folded!.data).toEqual({ place: 'port', names: ['ann', null], note: box('secret') });
    expect((event.data as { place: string }).place).toBe(box('port'));
  });

  it('refuses two deciders for one category, and knows all types by it', () => {
    expect(() => new EventRegistry([parcel, third])).toThrow('two deciders share the streams parcel-…');
    expect(new EventRegistry([parcel]).types()).toEqual(['ParcelTaken', 'TourStarted', 'TourEnded', 'ParcelSeen', 'NoteLeft', 'ParcelLost'].map((t) => `parcel/${t}`));
  });
});
