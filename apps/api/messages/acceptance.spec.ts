import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Refusal } from '#libs/event-sourcing/errors';
import type { Keyring } from '#libs/event-sourcing/sealing/keyring';
import { defaultGateways } from '#libs/messaging/gateways/default-gateways';
import { createHmac } from 'node:crypto';
import { acceptNative, acceptS1, canonical, checkExpiry, idFor } from './acceptance.js';
import { Cursors } from './cursors.js';

const keyring = { mac: (purpose: string, text: string) => createHmac('sha256', 'a secret').update(`${purpose}\0${text}`).digest() } as unknown as Keyring;
const gateways = new Map(defaultGateways({ mockPort: 5555 }).map((g) => [g.name, g]));
const refused = (call: () => unknown): unknown => {
  try { call(); } catch (error) { if (error instanceof Refusal) return { code: error.code, fields: error.errors?.map((e) => e.field) }; throw error; }
  return 'taken';
};

describe('the id of what a request makes', () => {
  const id = (owner: string, route: string, key?: string | string[]): string => idFor(keyring, 'msg', owner, route, key).id;
  it('is new where there is no key, in the order of time', () => {
    const ids = Array.from({ length: 50 }, () => id('o', 'r'));
    expect(new Set(ids).size).toBe(50);
    expect(ids.map((i) => i.slice(0, 12))).toEqual(ids.map((i) => i.slice(0, 12)).toSorted());
  });
  it('is the same for the same owner, route and key, and for nothing else', () => fc.assert(fc.property(fc.array(fc.tuple(fc.string(), fc.string(), fc.stringMatching(/^[\x21-\x7e]{1,20}$/)), { maxLength: 20 }), (all) => {
    const distinct = new Set(all.map((a) => JSON.stringify(a)));
    expect(new Set(all.map(([o, r, k]) => id(o, r, k))).size).toBe(distinct.size);
    for (const [o, r, k] of all) expect(id(o, r, k)).toMatch(/^msg_[A-Za-z0-9_-]{32}$/);
  })));
  it.each([[''], ['a b'], ['k'.repeat(256)], ['a\r\nb'], [['a', 'b']]])('refuses the key %j', (key) => expect(refused(() => id('o', 'r', key as string))).toEqual({ code: 'validation_failed', fields: ['Idempotency-Key'] }));
});

describe('the canonical request', () => {
  it('is the same whatever the order of fields, and reads as the same JSON', () => fc.assert(fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
    const turned = (v: unknown): unknown => (Array.isArray(v) ? v.map(turned) : v !== null && typeof v === 'object' ? Object.fromEntries(Object.entries(v).reverse().map(([k, w]) => [k, turned(w)])) : v);
    expect(canonical(turned(value))).toBe(canonical(value));
    expect(JSON.parse(canonical(value))).toEqual(JSON.parse(JSON.stringify(value)));
  })));
  it('tells requests apart', () => {
    expect(canonical({ a: 1, b: [1, 2] })).not.toBe(canonical({ a: 1, b: [2, 1] }));
    expect(canonical({ a: '1' })).not.toBe(canonical({ a: 1 }));
    expect(canonical({ a: undefined, b: 1 })).toBe(canonical({ b: 1 }));
  });
});

describe('what is accepted', () => {
  it("S1's body goes to the channel http, under S1's policy", () => expect(acceptS1({ sender_number: '+15551234567', message_body: 'hi' }, 'o', gateways)).toMatchObject({
    channel: 'http', gateway: 'http', sender: '+15551234567', recipient: null, shape: 's1', segments: null, policy: { attempts: 10_000 }, onUnknown: 'retry', metadata: null,
  }));
  it('the native body goes to sms unless told, its segments counted', () => {
    expect(acceptNative({ to: '+15551234567', body: 'a'.repeat(161) }, 'o', gateways)).toMatchObject({ channel: 'sms', gateway: 'sms', recipient: '+15551234567', sender: null, segments: 2, policy: { attempts: 3 } });
    expect(acceptNative({ to: '+15551234567', body: 'a', channel: 'http' }, 'o', gateways)).toMatchObject({ channel: 'http', gateway: 'http', segments: null });
  });
  it.each([['send_at', '9999-12-31T23:59:59-08:00'], ['send_at', '9000-01-01T00:00:00Z'], ['expires_at', '9999-12-31T23:59:59.999Z']])('%s %s: years of more than four digits would come before all others', (field, at) =>
    expect(refused(() => acceptNative({ to: '+15551234567', body: 'a', [field]: at }, 'o', gateways))).toEqual({ code: 'validation_failed', fields: [field] }));
  it('dates are kept as UTC in one form', () => expect(acceptNative({ to: '+15551234567', body: 'a', send_at: '2030-01-01T08:00:00+08:00', expires_at: '2030-01-02T00:00:00Z' }, 'o', gateways))
    .toMatchObject({ sendAt: '2030-01-01T00:00:00.000Z', expiresAt: '2030-01-02T00:00:00.000Z' }));
  it('refuses a gateway that is not there, or of another channel, and a channel without one', () => {
    for (const gateway of ['http', 'nowhere']) expect(refused(() => acceptNative({ to: '+15551234567', body: 'a', gateway }, 'o', gateways))).toEqual({ code: 'validation_failed', fields: ['gateway'] });
    expect(refused(() => acceptNative({ to: '+15551234567', body: 'a' }, 'o', new Map()))).toEqual({ code: 'validation_failed', fields: ['channel'] });
  });
  it('metadata: 4 kB of JSON, counted in bytes', () => {
    const of = (text: string): unknown => refused(() => acceptNative({ to: '+15551234567', body: 'a', metadata: { x: text } }, 'o', gateways));
    expect(of('x'.repeat(4_096 - '{"x":""}'.length))).toBe('taken');
    expect(of('x'.repeat(4_097 - '{"x":""}'.length))).toEqual({ code: 'validation_failed', fields: ['metadata'] });
    expect(of('é'.repeat(2_048))).toEqual({ code: 'validation_failed', fields: ['metadata'] });
  });
  it('a part that has no time to be sent is refused', () => {
    const now = new Date('2030-01-01T00:00:00Z');
    const check = (send_at: string | undefined, expires_at: string): unknown => refused(() => checkExpiry(acceptNative({ to: '+15551234567', body: 'a', expires_at, ...(send_at ? { send_at } : {}) }, 'o', gateways), now));
    expect(check(undefined, '2030-01-01T00:00:00Z')).toEqual({ code: 'validation_failed', fields: ['expires_at'] });
    expect(check('2029-01-01T00:00:00Z', '2029-06-01T00:00:00Z')).toEqual({ code: 'validation_failed', fields: ['expires_at'] });
    expect(check('2030-02-01T00:00:00Z', '2030-02-01T00:00:00Z')).toEqual({ code: 'validation_failed', fields: ['expires_at'] });
    expect(check('2030-02-01T00:00:00Z', '2030-02-01T00:00:01Z')).toBe('taken');
  });
});

describe('cursors', () => {
  const cursors = new Cursors(keyring);
  it('come back as they went, to the same list only', () => fc.assert(fc.property(fc.array(fc.string()), fc.array(fc.string()), fc.array(fc.string()), (values, scope, another) => {
    const text = cursors.write(values, scope);
    expect(text).toMatch(/^[A-Za-z0-9_.-]+$/);
    expect(cursors.read(text, scope)).toEqual(values);
    if (JSON.stringify(scope) !== JSON.stringify(another)) expect(refused(() => cursors.read(text, another))).toMatchObject({ code: 'invalid_cursor' });
  })));
  it.each([[''], ['.'], ['a.b'], ['a'], ['a.b.c'], ['W10.'], ['%00.%00'], ['é.é']])('refuses %j', (text) => expect(refused(() => cursors.read(text, ['list']))).toMatchObject({ code: 'invalid_cursor' }));
  it('refuses any change of one', () => {
    const text = cursors.write(['2030-01-01T00:00:00.000Z', 'msg_1'], ['list']);
    for (let i = 0; i < text.length; i++) expect(refused(() => cursors.read(`${text.slice(0, i)}${text[i] === 'A' ? 'B' : 'A'}${text.slice(i + 1)}`, ['list']))).toMatchObject({ code: 'invalid_cursor' });
    for (const other of [`${text}=`, `${text} `, `.${text}`, `${text.slice(0, 5)}!${text.slice(5)}`]) expect(refused(() => cursors.read(other, ['list']))).toMatchObject({ code: 'invalid_cursor' });
  });
  it('T33 show nothing of what they hold', () => {
    const text = cursors.write(['0', 'ada@example.com', 'usr_1'], ['others']);
    expect(Buffer.from(text, 'base64url').toString('latin1')).not.toMatch(/ada|example|usr_/);
  });
});
