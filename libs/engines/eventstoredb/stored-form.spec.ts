import { describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '@eventstore/db-client';
import { MAX_APPEND_BYTES, encode } from '#libs/event-sourcing/canonical';
import { Damaged, TooLarge } from '#libs/event-sourcing/errors';
import type { NewEvent } from '#libs/event-sourcing/event';
import { newEvent } from '#libs/event-sourcing/testing/sample-events';
import { opened, prepare } from './stored-form.js';

const POSITION = '00000000000000000512-00000000000000000512';

/** As the client hands it out when it is read. */
function recorded(event: NewEvent, stream = 'thing-1', revision = 4): RecordedEvent {
  const { id, type, data, metadata } = prepare(stream, revision - 1, [event]).events[0]!;
  return {
    streamId: stream, id, type, data, revision: BigInt(revision), isJson: false, created: new Date(0), position: { commit: 512n, prepare: 512n },
    metadata: JSON.parse(Buffer.from(metadata as Uint8Array).toString('utf8')),
  } as RecordedEvent;
}

describe('an event as EventStoreDB keeps it', () => {
  it.each(['evt_1', '0192f0c1-2345-7abc-8def-0123456789ab', '0192F0C1-2345-7ABC-8DEF-0123456789AB'])('is read as it was written, also its id %s', (id) => {
    const event = newEvent({ text: 'grüße 👋 "quoted" \\ \n', n: [1.5, null, true] }, { id });
    expect(opened(recorded(event), 'thing-1')).toEqual({ ...event, stream: 'thing-1', revision: 4, position: POSITION });
  });

  it('13: is handed over as plain byte arrays, which the client leaves alone', () => {
    const { data, metadata } = prepare('thing-1', -1, [newEvent({ a: 1 })]).events[0] as { data: Uint8Array; metadata: Uint8Array };
    expect(data.constructor).toBe(Uint8Array);
    expect(metadata.constructor).toBe(Uint8Array);
    expect(Buffer.from(data).toString('utf8')).toBe('{"a":1}');
    expect(JSON.parse(Buffer.from(metadata).toString('utf8'))).toEqual({ meta: expect.objectContaining({ v: 1, o: 'somebody' }), sum: expect.any(String), id: expect.stringMatching(/^evt_/) });
  });

  it('has the same EventStoreDB id whenever its id is the same', () => {
    const event = newEvent();
    const uuid = (e: NewEvent): string => prepare('thing-1', -1, [e]).events[0]!.id;
    expect(uuid(event)).toBe(uuid({ ...event }));
    expect(uuid(event)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(uuid(newEvent())).not.toBe(uuid(event));
  });

  it.each([
    ['its data', { data: Buffer.from('{"a":2}') }], ['its type', { type: 'Other' }], ['its stream', { streamId: 'thing-2' }], ['its revision', { revision: 5n }],
    ['its id', { id: '00000000-0000-8000-a000-000000000000' }], ['no metadata', { metadata: undefined }], ['other metadata', { metadata: { a: 1 } }],
    ['JSON data of another program', { data: { a: 1 }, isJson: true }],
  ])('is refused as damaged when %s is not what was written', (_, change) => {
    const event = { ...recorded(newEvent({ a: 1 })), ...change } as RecordedEvent;
    expect(() => opened(event, event.streamId)).toThrow(Damaged);
    expect(() => opened(event, event.streamId)).toThrow(POSITION);
  });

  it('is refused as damaged when its metadata were changed', () => {
    const event = recorded(newEvent({ a: 1 }));
    const { meta, ...rest } = event.metadata as { meta: { o: string } };
    expect(() => opened({ ...event, metadata: { ...rest, meta: { ...meta, o: 'somebody else' } } } as RecordedEvent, 'thing-1')).toThrow(Damaged);
  });

  it('counts the bytes as the server does: with the checksum and the type', () => {
    const of = (length: number): NewEvent => newEvent({ text: 'x'.repeat(length) });
    const most = MAX_APPEND_BYTES - encode('thing-1', 0, of(0)).bytes;
    expect(encode('thing-1', 0, of(most)).bytes).toBe(MAX_APPEND_BYTES);
    expect(() => prepare('thing-1', -1, [of(most)])).toThrow(TooLarge);
    expect(prepare('thing-1', -1, [of(most - 200)]).bytes).toBeLessThanOrEqual(MAX_APPEND_BYTES);
  });

  it('is refused where there is none, or no revision', () => {
    expect(() => prepare('thing-1', -1, [])).toThrow('at least one event');
    for (const expected of [-2, 0.5, NaN]) expect(() => prepare('thing-1', expected, [newEvent()])).toThrow('not a revision');
  });
});
