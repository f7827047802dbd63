/** The rows of the threats that this version is built against: rows.json holds their values, and this counts that each is sent. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Ground } from './rows/ground.js';
import { ROWS, rowValues, sent, shown, sourceOf, type Must, type Part, type Value } from './rows/rows.js';
import { SENDERS, type Seen } from './rows/senders.js';

const IDS = ['T01', 'T02', 'T03', 'T04', 'T05', 'T06', 'T07', 'T08', 'T09', 'T10', 'T11', 'T12', 'T13', 'T14', 'T15', 'T16', 'T18', 'T19', 'T20', 'T21', 'T22', 'T23', 'T24', 'T26', 'T27', 'T28', 'T29', 'T30', 'T31', 'T32', 'T33', 'T34', 'T37', 'T38', 'T39', 'T40', 'T42', 'T43', 'T45', 'T61', 'T62', 'T63', 'T66', 'T67', 'T69', 'T70', 'T71', 'T72', 'T73', 'T76', 'T78', 'T79', 'T80', 'T84', 'T85', 'T86'];
const root = new URL('../../', import.meta.url);

let ground: Ground;
beforeAll(async () => { ground = await Ground.open({ BODY_LIMIT_BYTES: '262144' }); }, 30_000);
afterAll(() => ground.close());

/** Values sent so far, by row. */
const counted = new Map<string, number>();

function holds(must: Must, answer: Seen): void {
  const at = answer.what ?? '';
  if (answer.on !== undefined) {
    expect(answer.on === 'plain' ? answer.status : answer.owner).toBe(answer.on === 'plain' ? must.plain : must.mtls);
    return;
  }
  expect([at, [must.status].flat().includes(answer.status) ? must.status : answer.status]).toEqual([at, must.status]);
  if (must.closed) expect([at, answer.closed ?? answer.headers['connection'] === 'close']).toEqual([at, true]);
  if (must.code) expect(answer.body['code']).toBe(must.code);
  if (must.field) expect((answer.body['errors'] as { field: string }[]).map((e) => e.field)).toContain(must.field);
  if (must.says) expect(answer.body['detail']).toContain(must.says);
  if (must.allow) expect(answer.headers['allow']).toBe(must.allow);
}

const SENT = Object.entries(ROWS).flatMap(([id, { parts }]) => parts.flatMap((part) => ('send' in part ? part.values.map((value): [string, string, string, Value, Must] => [id, part.send, shown(value), value, part.must]) : [])));

it.each(SENT)('%s %s: %s', async (id, as, _, value, must) => {
  const accepted = await ground.accepted();
  const answers = await SENDERS[as]!(ground, sent(value));
  expect(answers.length).toBeGreaterThan(0);
  for (const answer of answers) holds(must, answer);
  const taken = answers.some(({ status }) => status >= 200 && status < 300);
  expect((await ground.accepted()) > accepted).toBe(taken);
  expect('x' in {} || 'role' in {}).toBe(false);
  expect((await ground.user('GET', '/health')).status).toBe(200);
  counted.set(id, (counted.get(id) ?? 0) + 1);
}, 20_000);

/** Every title of a spec, as it stands in its source. */
const sources = new Map<string, string>();
const sourceFile = (path: string): string => {
  const known = sources.get(path) ?? readFileSync(new URL(path, root), 'utf8');
  sources.set(path, known);
  return known;
};
const titled = (source: string, title: string): boolean => source.includes(title) || source.includes(title.replaceAll("'", "\\'"));

describe('rows.json', () => {
  it('has every row, and none without values', () => {
    expect(Object.keys(ROWS)).toEqual(IDS);
    for (const { parts } of Object.values(ROWS)) for (const { values } of parts) expect(values.length).toBeGreaterThan(0);
  });
  const parts = Object.entries(ROWS).flatMap(([id, row]) => row.parts.map((part): [string, Part] => [id, part]));
  it.each(parts.flatMap(([id, part]) => ('tested' in part ? [[id, part.tested, part.test, part] as const] : [])))('%s is tested in %s: %s', (_, spec, test, part) => {
    const source = sourceFile(spec);
    expect(spec).toMatch(/\.spec\.ts$/);
    expect([test, titled(source, test)]).toEqual([test, true]);
    for (const value of part.values) expect([shown(value), source.includes(sourceOf(value))]).toEqual([shown(value), true]);
  });
  it.each(parts.flatMap(([id, part]) => ('waits' in part ? [[id, part.waits] as const] : [])))('%s waits for a reason: %s', (_, reason) => expect(reason).toMatch(/^.{20,}\.$/));
  it('each value that is sent here was sent', () => {
    const listed = Object.fromEntries(IDS.map((id) => [id, rowValues(id).length]).filter(([, n]) => n !== 0));
    expect(Object.fromEntries(counted)).toEqual(listed);
  });
});
