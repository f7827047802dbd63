/** Row T76 of a backup: the two files, copied while the server writes as docs/guides/operations.md says, the log first. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { until } from '../bench/ground.js';
import { lost, read } from './house/audit.js';
import { gatewaysAt, notingGateway, type NotingGateway } from './house/gateway.js';
import { load } from './house/load.js';
import { bearer, built, caughtUp, newPlace, NODE, removed, started, token, type Place } from './house/server.js';

let gateway: NotingGateway;
let at: Place;
beforeAll(async () => { built(); gateway = await notingGateway(); at = await newPlace(gatewaysAt(gateway.url)); }, 60_000);
afterAll(async () => { await gateway.close(); await removed(at); });

/** In a process of its own, so that the load goes on meanwhile. */
const copied = (part: 'log' | 'keys', to: string) => promisify(execFile)(NODE, ['--disable-warning=ExperimentalWarning', '-e',
  'new (require("node:sqlite").DatabaseSync)(process.argv[1]).exec(`VACUUM INTO \'${process.argv[2]}\'`)', join(at.data, `${part}.db`), join(to, `${part}.db`)]);

it('T76 a backup taken while writing: a server starts on it, nothing acknowledged before is missing, and all that it holds can be opened', async () => {
  const server = await started(at);
  const secret = await token(at, 'kept');
  const [who, backup] = [bearer(at, secret), join(at.root, 'backup')];
  const l = load(who, 'native', 16);
  await until('there is load', () => Promise.resolve(l.acknowledged().length > 300), { pauseMs: 5 });
  const before = l.acknowledged();
  mkdirSync(backup, { mode: 0o700 });
  await copied('log', backup);
  const between = l.acknowledged().length;
  await copied('keys', backup);
  const after = l.acknowledged().length;
  expect(between).toBeGreaterThan(before.length);
  expect(after).toBeGreaterThan(between);
  await l.stop();
  who.close();
  expect((await server.end('SIGTERM')).code).toBe(0);

  for (const part of ['log', 'keys']) chmodSync(join(backup, `${part}.db`), 0o600);
  const here: Place = { ...at, data: backup };
  const again = await started(here, { DATA_DIR: backup });
  await caughtUp(here);
  const owner = bearer(here, secret, 8);
  const opened = new Set<string>();
  for (const w of l.acknowledged()) {
    const { status, body } = await owner.ask('GET', `/api/v1/messages/${w.id}`);
    if (status === 404 && !before.includes(w)) continue;
    expect([w.id, status, body['body']]).toEqual([w.id, 200, w.body]);
    opened.add(w.id!);
  }
  await caughtUp(here);
  expect((await again.end('SIGTERM')).code).toBe(0);

  const found = await read(backup, at.secrets);
  console.log(`backup: ${before.length} messages acknowledged before it, ${opened.size - before.length} more in it, ${after - before.length} acknowledged while it was taken`);
  expect(lost(found, before)).toEqual([]);
  expect([...found.messages.keys()].toSorted()).toEqual([...opened].toSorted());
  expect(found.wrongRows).toEqual([]);
  owner.close();
}, 60_000);
