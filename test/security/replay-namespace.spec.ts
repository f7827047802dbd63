/** Row T80 in full size: a million events, folded twice by the real program where nothing can leave, because there is no network at all. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { acceptance, openPlace, type Opened } from '../bench/prepared/opened.js';
import type { AnyDecider } from '#libs/event-sourcing/decider';
import { NO_STREAM, type NewEvent } from '#libs/event-sourcing/event';
import type { Row } from '#libs/event-sourcing/projection';
import { systemClock } from '#libs/event-sourcing/running/clock';
import { collectionOf } from '#libs/event-sourcing/running/projecting';
import { by } from '#libs/event-sourcing/testing/rooms';
import { AcceptMessage, message, RecordOutcome, StartAttempt } from '#libs/messaging/message/message.decider';
import { messageLog } from '#projections/message-log/message-log.projection';

const EVENTS = 1_000_000;
const AT_ONCE = 500;
const ROOT = resolve(import.meta.dirname, '../..');
/** A network namespace of its own, without even loopback: by root, or by anybody where user namespaces are allowed. */
const APART = [['-n'], ['-r', '-n']].find((flags) => spawnSync('unshare', [...flags, 'true']).status === 0);
const folder = mkdtempSync(join(tmpdir(), 'heliograph-'));
const place = { dataDir: join(folder, 'data'), secretsDir: join(folder, 'secrets') };
const opened = (): Promise<Opened> => openPlace(place as Parameters<typeof openPlace>[0], systemClock);

/** One message's whole life, told again and again under other names. */
async function lives(): Promise<number> {
  const { engine, kernel, close } = await opened();
  try {
    const bus = kernel.commands, d = message as AnyDecider;
    await bus.execute(d, new AcceptMessage('first', acceptance({ owner: 'o1', recipient: '+15550002222' }), by('a', { creates: true })));
    await bus.execute(d, new StartAttempt('first', { n: 1 }, by('s', { exclusive: true })));
    await bus.execute(d, new RecordOutcome('first', { n: 1, durationMs: 5, result: { outcome: 'sent', status: 200, providerRef: null, answer: 'ok' } }, by('e')));
    const life = await engine.eventStore.read('message-first', 0, 10);
    // a sealed value names its stream, or it is refused; nobody opens it here
    const texts = life.map(({ data }) => JSON.stringify(data));
    const retold = (stream: string, n: number): NewEvent[] => life.map(({ type, version, tags, metadata }, k) =>
      ({ id: `${n}.${k}`, type, version, data: JSON.parse(texts[k]!.replaceAll('message-first', stream)), tags: { ...tags, owner: `o${n % 7}` }, metadata }));
    let made = life.length;
    for (let i = 0; made < EVENTS; made += AT_ONCE * life.length) {
      const entries = Array.from({ length: AT_ONCE }, () => ({ stream: `message-again${++i}`, expected: NO_STREAM, events: retold(`message-again${i}`, i) }));
      for (const answer of await engine.eventStore.appendMany(entries)) if (answer instanceof Error) throw answer;
    }
    return made;
  } finally { await close(); }
}

/** Where the log ends, and all rows of the view as one number. */
async function stands(): Promise<{ head: string | null; rows: number; hash: string }> {
  const { engine, close } = await opened();
  try {
    await engine.readModels.define({ name: collectionOf(messageLog), indexes: messageLog.indexes as Record<string, string[]> });
    const hash = createHash('sha256');
    let rows = 0;
    for (let after: string[] | undefined; ;) {
      const page = await engine.readModels.find<Row>(collectionOf(messageLog), { where: {}, sort: { by: ['id'] }, ...(after ? { after } : {}), limit: 1_000 });
      for (const r of page) hash.update(JSON.stringify([r.id, r.position, r.row]));
      rows += page.length;
      if (page.length < 1_000) return { head: await engine.eventStore.head(), rows, hash: hash.digest('hex') };
      after = [page.at(-1)!.id];
    }
  } finally { await close(); }
}

let made = 0;
beforeAll(async () => {
  if (!APART) return;
  execFileSync(join(ROOT, 'ops/bin/heliograph'), ['--help']); // builds where nothing is built yet
  made = await lives();
}, 180_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

(APART ? it : it.skip)('T80 a full rebuild of a million events in a network namespace without a route: twice the same, and no event of its own', async () => {
  const inside = (...words: string[]): string => execFileSync('unshare', [...APART!, ...words], { encoding: 'utf8', cwd: folder, env: { PATH: process.env['PATH'] ?? '', DATA_DIR: place.dataDir, SECRETS_DIR: place.secretsDir, NODE_ENV: 'test' } });
  // the control: nothing is to be reached there, not even this machine
  expect(inside(process.execPath, '-e', 'require("node:net").connect(80, "127.0.0.1").on("error", (e) => console.log(e.code))')).toBe('ENETUNREACH\n');
  const before = (await stands()).head;
  const rebuilt = (): number => (JSON.parse(inside(join(ROOT, 'ops/bin/heliograph'), 'projections', 'rebuild', messageLog.name, '--json')) as { events: number }).events;
  expect(rebuilt()).toBe(made);
  const first = await stands();
  expect(rebuilt()).toBe(made);
  expect(await stands()).toEqual(first);
  expect(first).toMatchObject({ head: before, rows: made / 3 });
}, 240_000);
