/** Row T79 on the whole house: the log's file is put back to an older copy, and grows past what the views have seen of it. */
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { LivedInHouse } from '#apps/cli/testing/lived-in-house';
import { until } from '#libs/event-sourcing/testing/test-clock';

let lived: LivedInHouse;
let token = '', keep = '', before: string[] = [];
const data = (name: string): string => join(lived.folder, 'data', name);
const remove = (...names: string[]): void => { for (const name of names) rmSync(data(name), { force: true }); };

const listed = async (): Promise<string[]> => ((await lived.call('/api/v1/messages?limit=100', token)).body['messages'] as { id: string }[]).map((m) => m.id).toSorted();
const ready = async (): Promise<{ status: number; failing: { part: string; reason: string }[] }> => {
  const { status, body } = await lived.call('/ready', token);
  return { status, failing: (body['failing'] ?? []) as { part: string; reason: string }[] };
};
const send = async (texts: string[]): Promise<string[]> => {
  const ids: string[] = [];
  for (const body of texts) ids.push((await lived.call('/api/v1/messages', token, { to: '+15550001111', body })).body['id'] as string);
  return ids.toSorted();
};
const followers = (): string[] => [...lived.house!.kernel.projectings.keys(), 'due-work'];
const settled = async (): Promise<void> => {
  const { kernel } = lived.house!;
  const head = (await kernel.options.engine.eventStore.head())!;
  await until('all followers are at the end, or stand still', () => followers().every((f) => { const s = kernel.statuses.get(f); return s && (s.stopped !== null || (s.position ?? '') >= head); }));
};

// a log with a few messages, a copy of it, as many lost ones, the copy put back
beforeEach(async () => {
  lived = await new LivedInHouse().prepare();
  await lived.start();
  token = (await lived.json('tokens', 'create', '--owner', 'ops', '--role', 'admin'))['token'] as string;
  before = await send(['one', 'two']);
  await settled();
  await lived.stop();
  keep = join(lived.folder, 'kept.db');
  copyFileSync(data('log.db'), keep);
  await lived.start();
  const lost = await send(['lost 1', 'lost 2']);
  await until('they are sent, and listed', async () => (await listed()).length === 4 && (await Promise.all(lost.map(async (id) => (await lived.call(`/api/v1/messages/${id}`, token)).body['status'] === 'sent'))).every(Boolean));
  await settled();
  await lived.stop();
  remove('log.db-wal', 'log.db-shm');
  copyFileSync(keep, data('log.db'));
}, 60_000);
afterEach(() => lived.end(), 30_000);

it('T79 ahead of the log, then overtaken by it: /ready and doctor name each view with what mends it, and that mends it', async () => {
  await lived.start();
  await settled();
  const first = (await ready()).failing;
  expect(first.map((f) => f.part)).toEqual(expect.arrayContaining(['message-log', 'due-work']));
  for (const { reason } of first) expect(reason).toContain('lies ahead of the log');
  const after = await send(Array.from({ length: 12 }, (_, i) => `after ${i}`)); // accepting goes on
  await lived.stop();
  await lived.start();
  await settled();
  const { status, failing } = await ready();
  expect(status).toBe(503);
  expect(failing.map((f) => f.part).toSorted()).toEqual(expect.arrayContaining(['due-work', 'message-log']));
  for (const { part, reason } of failing) expect(reason).toMatch(new RegExp(`^the checkpoint of ${part} is of another log: event \\d+ of [a-z]+-\\S+, which it has seen at \\d{16}, is not there \\(a restored backup\\?\\): run \`npx heliograph projections rebuild ${part}\`$`));
  await lived.stop();
  const found = JSON.parse((await lived.run('doctor', '--json')).out) as { ok: boolean; findings: { check: string; state: string }[] };
  expect(found.ok).toBe(false);
  expect(found.findings.filter((f) => f.state === 'fail').map((f) => f.check).toSorted()).toEqual(failing.map((f) => `view ${f.part}`).toSorted());
  await lived.start();
  await settled();
  for (const { part } of failing) await lived.json('projections', 'rebuild', part);
  await until('it is ready', async () => (await ready()).status === 200);
  await until('the list is the log\'s', async () => JSON.stringify(await listed()) === JSON.stringify([...before, ...after].toSorted()));
  await until('what was accepted meanwhile is sent', async () => (await Promise.all(after.map(async (id) => (await lived.call(`/api/v1/messages/${id}`, token)).body['status']))).every((s) => s === 'sent'), 20_000);
}, 60_000);

it('T79 removing the views mends all', async () => {
  remove('views.db', 'views.db-wal', 'views.db-shm');
  await lived.start();
  const after = await send(['after']);
  await settled();
  expect(await ready()).toEqual({ status: 200, failing: [] });
  expect(await listed()).toEqual([...before, ...after].toSorted());
}, 30_000);
