import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type EventStoreDB, type EventStoreDBOptions, openEventStoreDB } from '#libs/engines/eventstoredb/eventstoredb';
import { Unavailable } from '#libs/event-sourcing/errors';
import { NO_STREAM } from '#libs/event-sourcing/event';
import { newEvent, newStream } from '#libs/event-sourcing/testing/sample-events';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { createAuthority } from '#libs/identity/certificate/authority';
import { type ServerProcess, startServerProcess } from '../eventstoredb-server/process.fixture.js';

const ROOT = resolve(import.meta.dirname, '../../..');

describe('eventstoredb: where it is, and who may speak to it', () => {
  const opened: EventStoreDB[] = [];
  const open = async (options: Omit<EventStoreDBOptions, 'prefix'>): Promise<EventStoreDB> => {
    const engine = await openEventStoreDB({ prefix: '', deadlineMs: 2000, limitMs: 6000, ...options });
    opened.push(engine);
    return engine;
  };
  const close = async (): Promise<void> => { await Promise.all(opened.splice(0).map((o) => o.close())); };
  afterEach(close);

  describe('14: TLS and a password', () => {
    let folder: string;
    let server: ServerProcess;
    const at = (login: string, more = ''): string => `esdb://${login}localhost:${server.port}?tls=true&tlsCAFile=${encodeURIComponent(join(folder, 'ca.crt'))}${more}`;
    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'heliograph-tls-'));
      const authority = await createAuthority({ now: () => new Date(), random: randomBytes });
      const { certificate, privateKey } = await authority.issueServer([]);
      for (const [name, text] of Object.entries({ 'ca.crt': authority.certificate, 'node.crt': certificate, 'node.key': privateKey })) writeFileSync(join(folder, name), text, { mode: 0o600 });
      server = await startServerProcess(['--username', 'heliograph', '--password', 'a b@c', '--cert', join(folder, 'node.crt'), '--key', join(folder, 'node.key')]);
    });
    afterAll(async () => {
      await close();
      await server.stop();
      rmSync(folder, { recursive: true });
    });

    it('opens with them, for appends, reads and following', async () => {
      const { eventStore, warnings } = await open({ url: at('heliograph:a%20b%40c@') });
      expect(warnings).toEqual([]);
      const stream = newStream();
      const { position } = await eventStore.append(stream, NO_STREAM, [newEvent()]);
      expect(await eventStore.read(stream, 0, 10)).toHaveLength(1);
      const following = eventStore.subscribe(position, ['thing-'], new AbortController().signal)[Symbol.asyncIterator]();
      const next = following.next();
      const later = await eventStore.append(stream, 0, [newEvent()]);
      expect((await next).value).toMatchObject({ events: [{ position: later.position }] });
      await following.return?.();
    });

    it.each(['heliograph:wrong@', 'nobody:a%20b%40c@', ''])('says that the user is not let in, without the password (%s)', async (login) => {
      const error = await open({ url: at(login), startMs: 0 }).then(() => null, (e: Error) => e);
      expect(error).toBeInstanceOf(Unavailable);
      expect(error!.message).toMatch(/EventStoreDB at esdb:.* does not let this user in/);
      expect(error!.message).not.toMatch(/wrong|a%20b/);
    });

    it('does not speak to a server whose certificate it does not know', async () => {
      await expect(open({ url: `esdb://heliograph:a%20b%40c@localhost:${server.port}?tls=true`, startMs: 0 })).rejects.toThrow(Unavailable);
    });
  });

  describe('a cluster', () => {
    let server: ServerProcess;
    beforeAll(async () => { server = await startServerProcess(); });
    afterAll(async () => { await close(); await server.stop(); });

    it('is found through whichever node answers, and by the name of all', async () => {
      for (const url of [`esdb://127.0.0.1:1,127.0.0.1:${server.port}?tls=false`, `esdb+discover://127.0.0.1:${server.port}?tls=false`]) {
        const { eventStore } = await open({ url });
        await eventStore.append(newStream(), NO_STREAM, [newEvent()]);
        await close();
      }
    });

    it('11: goes on at the new leader, after the old one said that it is none any more', async () => {
      const other = await startServerProcess();
      const { eventStore } = await open({ url: `esdb://127.0.0.1:${server.port},127.0.0.1:${server.port}?tls=false` });
      await eventStore.append(newStream(), NO_STREAM, [newEvent()]);
      await server.fault({ operation: 'append', fault: 'not-leader', leader: { host: '127.0.0.1', port: other.port } });
      const stream = newStream();
      expect(await eventStore.append(stream, NO_STREAM, [newEvent()])).toMatchObject({ revision: 0 });
      expect((await other.state()).entries).toBeGreaterThan(0);
      await server.clearFaults();
      await close();
      await other.stop();
    });

    it('is not there: says so when the time to wait for it is over', async () => {
      await expect(open({ url: 'esdb://127.0.0.1:1?tls=false', startMs: 300 })).rejects.toThrow(/EventStoreDB at esdb:\/\/127.0.0.1:1\?tls=false \(.*ECONNREFUSED.*\) is not available/s);
      await expect(open({ url: 'esdb://127.0.0.1:1,127.0.0.1:2?tls=false&maxDiscoverAttempts=1', startMs: 0 })).rejects.toThrow(/Failed to discover/);
    });

    it('comes up later than this process', async () => {
      const late = await startServerProcess();
      await late.kill();
      const engine = open({ url: late.url, startMs: 20_000 });
      await late.restart();
      expect(await (await engine).eventStore.append(newStream(), NO_STREAM, [newEvent()])).toMatchObject({ revision: 0 });
      await close();
      await late.stop();
    });

    it('lets the process end once it is closed', async () => {
      const script = `
        const { openEventStoreDB } = await import('#libs/engines/eventstoredb/eventstoredb');
        const { eventStore, close } = await openEventStoreDB({ url: ${JSON.stringify(server.url)}, prefix: '' });
        const stop = new AbortController();
        const following = (async () => { for await (const batch of eventStore.subscribe(null, [], stop.signal)) if (batch.events.length > 0) stop.abort(); })();
        await eventStore.append('end-' + process.pid, -1, [{ id: crypto.randomUUID(), type: 'Ended', version: 1, data: {}, tags: { owner: 'o' }, metadata: { correlationId: 'c', causationId: 'c', principal: 'p', at: '2030-01-01T00:00:00.000Z' } }]);
        await following;
        await close();
        console.log('closed');`;
      await once(spawn(process.execPath, [join(ROOT, 'ops/build.mjs')], { cwd: ROOT, stdio: 'ignore' }), 'exit');
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } });
      let said = '';
      child.stdout.on('data', (chunk) => { said += String(chunk); });
      const [code] = await once(child, 'exit') as [number];
      expect([said, code]).toEqual(['closed\n', 0]);
      await until('its connection is closed', async () => (await server.state()).connections === 0);
    });
  });
});
