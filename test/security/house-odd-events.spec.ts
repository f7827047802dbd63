/** Row T78: what somebody else's program, or a newer one of ours, may have left in the log. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { NO_STREAM, type NewEvent } from '#libs/event-sourcing/event';
import { ERASED } from '#libs/event-sourcing/sealed';
import { newEvent } from '#libs/event-sourcing/testing/sample-events';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { WholeHouse, type Client } from '../journeys/whole-house.js';

const AT = '/api/v1/messages';
let whole: WholeHouse, user: Client;
beforeEach(async () => { whole = await WholeHouse.open(); user = await whole.signedIn('owner-a'); }, 30_000);
afterEach(() => whole.close());

const gauge = async (name: string): Promise<number> => Number(new RegExp(`^${name.replace(/[{}"]/g, '\\$&')} (\\d+)`, 'm').exec((await user('GET', '/metrics')).text)?.[1]);
const listed = async (): Promise<string[]> => (await user('GET', AT)).body.messages.map((m) => m.id);
const accepted = async (body: string): Promise<string> => (await user('POST', AT, { body: { to: '+15550002222', body, send_at: '2099-01-01T00:00:00Z' } })).body.id;

/** A real message's first event, changed, under another stream. */
async function appended(change: (event: NewEvent) => Partial<NewEvent>): Promise<string> {
  const id = await accepted('the pattern');
  const { eventStore } = whole.house.engine;
  const [{ stream: _s, revision: _r, position: _p, ...event }] = await eventStore.read(`message-${id}`, 0, 1) as [NewEvent & { stream: string; revision: number; position: string }];
  // what is sealed belongs to its own event alone: here it is as after an erasure
  const data = JSON.parse(JSON.stringify(event.data).replace(/"s1\|[^"]*"/g, JSON.stringify(ERASED))) as object;
  const odd = newEvent(data, { type: event.type, version: event.version, tags: event.tags, metadata: event.metadata });
  await eventStore.append('message-odd', NO_STREAM, [{ ...odd, ...change(odd) }]);
  return id;
}

describe('T78 an event that this program does not know', () => {
  it.each<[string, Partial<NewEvent>]>([['unknown type', { type: 'MessageExploded' }], ['schema version 99', { version: 99 }]])('T78 %s: the view stops there and says where; /ready tells; no event is skipped', async (_, over) => {
    const before = await appended(() => over);
    expect(await listed()).toContain(before);
    await until('the view stands still', () => whole.house.kernel.statuses.get('message-log')!.stopped !== null);
    const reason = whole.house.kernel.statuses.get('message-log')!.stopped!;
    expect(reason).toMatch(/^event \w+ version \d+ at position \d{16}/);
    await until('/ready says so', async () => (await user('GET', '/ready')).status === 503, 4_000);
    expect((await user('GET', '/ready')).body['failing']).toEqual(expect.arrayContaining([{ part: 'message-log', reason }]));
    expect(await gauge('heliograph_follower_stopped{follower="message-log"}')).toBe(1);
    // what comes after it is accepted all the same
    expect(await accepted('later')).toMatch(/^msg_/);
  }, 20_000);
});

describe('T78 an event of a known type, and of an odd form', () => {
  const without = (event: NewEvent, field: string): Partial<NewEvent> => ({ data: Object.fromEntries(Object.entries(event.data as object).filter(([name]) => name !== field)) });
  it.each<[string, (event: NewEvent) => Partial<NewEvent>]>([
    ['a missing field', (event) => without(event, 'gateway')],
    ['no data at all', () => ({ data: null })],
    ['a date in 1970', (event) => ({ metadata: { ...event.metadata, at: '1970-01-01T00:00:00.000Z' } })],
    ['a date in 9999', (event) => ({ metadata: { ...event.metadata, at: '9999-12-31T23:59:59.999Z' } })],
  ])('T78 %s: its row is parked or folded, the others go on, and nobody else is disturbed', async (_, change) => {
    await appended(change);
    const after = await accepted('after it');
    await until('what came after it is shown', async () => (await listed()).includes(after), 5_000);
    const stopped = [...whole.house.kernel.statuses.values()].filter((s) => s.stopped !== null).map((s) => `${s.name}: ${s.stopped}`);
    expect(stopped).toEqual([]);
    expect('polluted' in {}).toBe(false);
    const parked = whole.house.kernel.projectings.get('message-log')!.parked();
    expect(await gauge('heliograph_parked_rows{view="message-log"}')).toBe(parked);
    expect((await user('GET', AT)).status).toBe(200);
    expect((await user('GET', `${AT}/odd`)).status).toBe(whole.house.kernel.parkedDueWork() > 0 ? 500 : 200);
    // a rebuild finds the same, and goes through
    const aside = whole.house.kernel.parkedDueWork();
    await whole.house.kernel.rebuild('due-work', () => {});
    await until('due-work follows again', () => whole.house.kernel.statuses.get('due-work')!.stopped === null && whole.house.kernel.parkedDueWork() === aside);
    // what is due is still done
    const { body: { id } } = await user('POST', AT, { body: { to: '+15550003333', body: 'due' } });
    await whole.shown(user, id, 'sent');
  }, 20_000);

  it('T78 __proto__: refused at the append, nothing is stored', async () => {
    await expect(appended((event) => ({ data: JSON.parse(JSON.stringify(event.data).replace('{', '{"__proto__":{"polluted":1},')) as object }))).rejects.toMatchObject({ code: 'validation_failed' });
    expect(await whole.events('odd')).toEqual([]);
    expect('polluted' in {}).toBe(false);
  });

  it('T78 5 MB: refused at the append, nothing is stored', async () => {
    await expect(whole.house.engine.eventStore.append('message-odd', NO_STREAM, [newEvent({ text: 'x'.repeat(5_000_000) })])).rejects.toMatchObject({ name: 'TooLarge' });
    expect(await whole.events('odd')).toEqual([]);
  });
});
