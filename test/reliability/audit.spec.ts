import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { StoredEvent } from '#libs/event-sourcing/event';
import { until } from '../bench/ground.js';
import { lost, read, unlawfulCalls, type Found } from './house/audit.js';
import { gatewaysAt, notingGateway, type Call, type NotingGateway } from './house/gateway.js';
import { askFor, wish } from './house/sender.js';
import { bearer, built, caughtUp, newPlace, removed, started, token, type Place } from './house/server.js';

let gateway: NotingGateway;
let at: Place;
beforeAll(async () => { built(); gateway = await notingGateway(); at = await newPlace(gatewaysAt(gateway.url)); }, 60_000);
afterAll(async () => { await gateway.close(); await removed(at); });

const AT = '2026-01-01T00:00:00.000Z';
const life = (...events: [type: string, n?: number][]): Found => ({
  log: [], wrongRows: [], messages: new Map([['m', { id: 'm', events: events.map(([type, n]) => ({ type, data: { n, startedAt: AT } }) as unknown as StoredEvent) }]]),
});
const call = (key: string, at = Date.parse(AT) + 1): Call => ({ key, at, answeredAt: null });
const sent: [string, number?][] = [['MessageAccepted'], ['AttemptStarted', 1], ['AttemptSent', 1]];

describe('what the fault specs would notice', () => {
  it('a message that is not there, or twice; two answers of one id', () => {
    const w = wish('native', { id: 'm' });
    expect(lost(life(...sent), [w])).toEqual([]);
    expect(lost(life(['AttemptStarted', 1]), [w])).toHaveLength(1);
    expect(lost(life(...sent, ['MessageAccepted']), [w])).toHaveLength(1);
    expect(lost(life(...sent), [wish('native', { id: 'other' })])).toHaveLength(1);
    expect(lost(life(...sent), [w, wish('native', { id: 'm' })])).toHaveLength(1);
    expect(lost(life(...sent), [wish('native')])).toEqual([]);
  });
  it('a call without its record, before it, or made twice', () => {
    expect(unlawfulCalls(life(...sent), [call('m/1')])).toEqual([]);
    expect(unlawfulCalls(life(...sent), [call('m/2')])).toHaveLength(1);
    expect(unlawfulCalls(life(...sent), [call('m/1', 0)])).toHaveLength(1);
    expect(unlawfulCalls(life(...sent), [call('m/1'), call('m/1')])).toHaveLength(1);
  });
  it('a second attempt beside the first, after a success, or after a failure that was none', () => {
    const again: [string, number?][] = [['AttemptStarted', 2], ['AttemptSent', 2]];
    const first: [string, number?][] = [['MessageAccepted'], ['AttemptStarted', 1]];
    expect(unlawfulCalls(life(...first, ['AttemptUnknown', 1], ...again), [call('m/1'), call('m/2')])).toEqual([]);
    expect(unlawfulCalls(life(...first, ...again), [])).toHaveLength(1);
    expect(unlawfulCalls(life(...sent, ...again), [])).toHaveLength(1);
    expect(unlawfulCalls(life(...first, ['AttemptFailed', 1], ...again), [call('m/1'), call('m/2')])).toHaveLength(1);
    expect(unlawfulCalls(life(...first, ['AttemptFailed', 1], ...again), [call('m/1'), call('m/2')], () => 'no')).toEqual([]);
    expect(unlawfulCalls(life(...sent, ['AttemptFailed', 1]), [])).toHaveLength(1);
  });
  it('a row that is not what the log says, one too few, one too many; the same of what is still to do', async () => {
    const server = await started(at);
    const who = bearer(at, await token(at, 'noticed', 'admin'));
    const [w, later] = [wish('native'), wish('native', { sendAt: new Date(Date.now() + 86_400_000).toISOString() })];
    for (const one of [w, later]) await askFor(who, one);
    await until('it is sent', async () => (await who.ask('GET', `/api/v1/messages/${w.id}`)).body['status'] === 'sent');
    await caughtUp(at);
    who.close();
    await server.end('SIGTERM');
    expect((await read(at.data)).wrongRows).toEqual([]);
    const tampered = async (sql: string, undo: string): Promise<number> => {
      const change = (text: string): void => { const db = new DatabaseSync(join(at.data, 'views.db')); db.exec(text); db.close(); };
      change(sql);
      const { wrongRows } = await read(at.data);
      change(undo);
      return wrongRows.length;
    };
    const views = new DatabaseSync(join(at.data, 'views.db'));
    const tables = (views.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all() as { name: string }[]).map((t) => t.name);
    views.close();
    const [log, due] = ['message_log', 'due_work'].map((view) => `"${tables.find((t) => t.includes(view) && !t.includes('parked'))!}"`);
    expect(await tampered(`UPDATE ${log} SET row = replace(row, '"sent"', '"dead"') WHERE id = '${w.id}'`, `UPDATE ${log} SET row = replace(row, '"dead"', '"sent"') WHERE id = '${w.id}'`)).toBe(1);
    expect(await tampered(`CREATE TABLE kept AS SELECT * FROM ${log}; DELETE FROM ${log} WHERE id = '${w.id}'`, `INSERT INTO ${log} SELECT * FROM kept WHERE id = '${w.id}'; DROP TABLE kept`)).toBe(2);
    expect(await tampered(`UPDATE ${due} SET id = 'message-nobody'`, `UPDATE ${due} SET id = 'message-${later.id}'`)).toBe(2);
    expect((await read(at.data)).wrongRows).toEqual([]);
  }, 30_000);
});
