/** The server as a process: logins, TLS, a cluster address, what survives kill -9, and faults of the line. */
import { EventStoreDBClient, START, type AppendResult } from '@eventstore/db-client';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { append, clientOf, disposeAll, event, newStream, refusal, until, within } from './bare-client.fixture.js';
import { selfSigned } from './certificate.fixture.js';
import type { Fault } from './faults.js';
import { startServerProcess, type ServerProcess } from './process.fixture.js';

jest.setTimeout(30_000); // processes are started

const started: ServerProcess[] = [];
const folder = mkdtempSync(join(tmpdir(), 'eventstoredb-tls-'));
async function start(...args: string[]): Promise<ServerProcess> {
  const server = await startServerProcess(args);
  started.push(server);
  return server;
}
let server: ServerProcess;

beforeAll(async () => { server = await startServerProcess(); });
afterEach(async () => {
  await disposeAll();
  await Promise.all(started.splice(0).map((s) => s.stop()));
  await server.clearFaults();
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

async function readIds(client: EventStoreDBClient, stream: string): Promise<string[]> {
  const ids: string[] = [];
  for await (const { event: e } of client.readStream(stream)) ids.push(e!.id);
  return ids;
}

describe('the EventStoreDB server for tests, as a process', () => {
  it('takes the right login over TLS, and no other', async () => {
    const { cert, key } = await selfSigned(folder);
    const closed = await start('--cert', cert, '--key', key, '--username', 'admin', '--password', 'change it');
    const trusting = `&tlsCAFile=${encodeURIComponent(cert)}`;
    expect(closed.url).toMatch(/^esdb:\/\/admin:change%20it@localhost:\d+\?tls=true$/);
    expect((await append(clientOf(closed, trusting), newStream(), event())).success).toBe(true);
    for (const [login, type] of [['', 'access-denied'], ['admin:wrong@', 'access-denied']] as const) {
      const client = clientOf({ url: closed.url.replace('admin:change%20it@', login) }, trusting);
      expect((await refusal(append(client, newStream(), event()))).type).toBe(type);
      expect((await refusal(readIds(client, 'any'))).type).toBe(type);
    }
    expect((await refusal(append(clientOf(closed), newStream(), event()))).code).toBe(14);
  });

  it('leads to the leader by gossip', async () => {
    await server.setLeader({ host: '127.0.0.1', port: (await start()).port });
    const [leader] = started;
    const stream = newStream();
    await append(clientOf({ url: `esdb://127.0.0.1:${server.port},127.0.0.1:${leader!.port}?tls=false` }), stream, event());
    await append(clientOf({ url: `esdb+discover://127.0.0.1:${server.port}?tls=false` }), `${stream}-2`, event());
    expect(await readIds(clientOf(leader!), stream)).toHaveLength(1);
    expect(await readIds(clientOf(leader!), `${stream}-2`)).toHaveLength(1);
    await server.setLeader(null);
    await append(clientOf({ url: `esdb+discover://127.0.0.1:${server.port}?tls=false` }), stream, event());
    expect(await readIds(clientOf(server), stream)).toHaveLength(1);
  });

  it('keeps everything that it answered, with its positions, through kill -9 in the middle of appends', async () => {
    const mortal = await start();
    const client = clientOf(mortal);
    const answered = new Map<string, AppendResult>();
    let enough!: () => void;
    const many = new Promise<void>((done) => { enough = done; });
    const writers = Array.from({ length: 16 }, async (_, w) => {
      for (let i = 0; ; i++) {
        const stream = `stream-${w}-${i}`;
        answered.set(stream, await append(client, stream, event({ i }), event({ i })));
        if (answered.size > 300) enough();
      }
    }).map((writer) => refusal(writer));
    await many;
    await mortal.kill();
    for (const error of await Promise.all(writers)) expect(error.message).toContain('14 UNAVAILABLE');
    await mortal.restart();
    const positions = new Map<string, bigint>();
    const counts = new Map<string, number>();
    for await (const { event: e } of clientOf(mortal).readAll({ fromPosition: START })) {
      positions.set(e!.streamId, e!.position.commit);
      counts.set(e!.streamId, (counts.get(e!.streamId) ?? 0) + 1);
    }
    for (const [stream, { position }] of answered) expect([stream, positions.get(stream)]).toEqual([stream, position!.commit]);
    for (const [stream, count] of counts) if (stream.startsWith('stream-')) expect([stream, count]).toEqual([stream, 2]);
  });

  it('cuts the line before or after the append, and in the middle of a read', async () => {
    const stream = newStream();
    await server.fault({ fault: 'cut', operation: 'append', stream: `${stream}-done`, done: true, times: 1 });
    await server.fault({ fault: 'cut', operation: 'append', stream: `${stream}-lost`, times: 1 });
    for (const which of ['done', 'lost']) expect((await refusal(append(clientOf(server), `${stream}-${which}`, event()))).type).toBe('unavailable');
    expect(await readIds(clientOf(server), `${stream}-done`)).toHaveLength(1);
    expect((await refusal(readIds(clientOf(server), `${stream}-lost`))).type).toBe('stream-not-found');

    await append(clientOf(server), stream, ...Array.from({ length: 500 }, () => event({ filler: 'x'.repeat(1000) })));
    await server.fault({ fault: 'cut', operation: 'read', stream, after: 20, times: 1 });
    const seen: unknown[] = [];
    const read = clientOf(server).readStream(stream);
    expect((await refusal((async () => { for await (const e of read) seen.push(e); })())).type).toBe('unavailable');
    expect(seen.length).toBeLessThan(500);
  });

  it('is slow, hangs, or has no time, where it is told to', async () => {
    const client = clientOf(server);
    const stream = newStream();
    await append(client, stream, event());
    const faults: Fault[] = [
      { fault: 'slow', operation: 'append', stream: `${stream}-slow`, ms: 300, times: 1 },
      { fault: 'busy', operation: 'append', stream: `${stream}-late`, as: 'timeout' },
      { fault: 'hang', operation: 'read', stream },
    ];
    for (const fault of faults) await server.fault(fault);
    const slow = append(client, `${stream}-slow`, event());
    expect(await within(100, slow)).toBe('pending');
    expect((await slow).success).toBe(true);
    expect((await refusal(append(client, `${stream}-late`, event()))).type).toBe('deadline-exceeded');
    const read = client.readStream(stream);
    expect(await within(200, once(read, 'data'))).toBe('pending');
    await read.cancel();
    await until(async () => (await server.state()).reads === 0);
    expect(await server.met()).toEqual({ 'append slow': 1, 'append busy': 1, 'read hang': 1 });
  });

  it('cuts every line, and freezes as a whole for a while', async () => {
    const client = clientOf(server);
    const stream = newStream();
    await server.fault({ fault: 'hang', operation: 'append', stream });
    const hanging = refusal(append(client, stream, event()));
    await until(async () => (await server.met())['append hang'] === 1);
    await server.cutConnections();
    expect((await hanging).type).toBe('unavailable');
    await append(client, `else-${stream}`, event());
    const began = performance.now();
    await server.freezeFor(400);
    await append(client, `then-${stream}`, event());
    expect(performance.now() - began).toBeGreaterThan(390);
  });

  it('answers a repeat together with the append that it repeats, when that is not on the disk yet', async () => {
    const client = clientOf(server);
    await append(client, newStream(), event());
    const stream = newStream();
    const happened = event();
    const [first, ...repeats] = await Promise.all(Array.from({ length: 20 }, () => append(client, stream, happened)));
    for (const repeat of repeats) expect(repeat).toEqual(first);
    expect(await readIds(client, stream)).toEqual([happened.id]);
  });

  it('says what is wrong with a fault that it does not know', async () => {
    const misled = { fault: 'hung', operation: 'append' } as unknown as Fault;
    await expect(server.fault(misled)).rejects.toThrow('fault is one of hang, not-leader, busy, cut, slow, status');
    await expect(server.fault({ fault: 'slow', operation: 'append' } as unknown as Fault)).rejects.toThrow('README');
  });

  it('says how it is started when it is started wrongly', () => {
    const main = resolve(import.meta.dirname, '../../../dist/test/engines/eventstoredb-server/main.js');
    for (const args of [[], ['--folder', folder, '--port', 'x'], ['--folder', folder, '--cert', 'x'], ['--nonsense']]) {
      const { status, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
      expect([status, stderr]).toEqual([2, expect.stringContaining('usage: main.js --folder')]);
    }
  });
});
