/**
 * What the bare client, @eventstore/db-client 6.2.1, gets wrong: a test for each point that the adapter has to absorb, each
 * against servers of its own, for their faults. Where one fails after an update of the client, the guard against it may go.
 * What needs a process that dies or a server that freezes is in eventstoredb-client-processes.spec.ts.
 */
import { START } from '@eventstore/db-client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { append, clientOf, disposeAll, event, newStream, refusal, runScript, until, within } from '../eventstoredb-server/bare-client.fixture.js';
import { selfSigned } from '../eventstoredb-server/certificate.fixture.js';
import { startServerProcess, type ServerProcess } from '../eventstoredb-server/process.fixture.js';

let server: ServerProcess;
let other: ServerProcess;

beforeAll(async () => { [server, other] = await Promise.all([startServerProcess(), startServerProcess()]); }, 60_000);
afterEach(async () => {
  await disposeAll();
  await Promise.all([server.clearFaults(), other.clearFaults()]);
});
afterAll(() => Promise.all([server.stop(), other.stop()]));

describe('@eventstore/db-client 6.2.1, bare', () => {
  it('1 waits for ever for an append that is not answered: its deadline is not kept', async () => {
    const client = clientOf(server);
    const stream = newStream();
    const happened = event();
    await server.fault({ fault: 'hang', operation: 'append', stream, done: true, times: 1 });
    const hanging = client.appendToStream(stream, [happened], { expectedRevision: 'no_stream', deadline: 100 });
    expect(await within(1500, hanging)).toBe('pending');
    // it was done, and others over the same call are answered: a repeat finds out
    expect(await append(client, stream, happened)).toMatchObject({ nextExpectedRevision: 0n });
    expect(await within(1, hanging)).toBe('pending');
    await Promise.all([client.dispose(), refusal(hanging)]);
  });

  it("2 one client's error rejects another client's append, in the same process", async () => {
    const [here, there] = [clientOf(server), clientOf(other)];
    await append(there, newStream(), event());
    const stream = newStream();
    await server.fault({ fault: 'hang', operation: 'append', stream });
    const waiting = refusal(append(here, stream, event()));
    await until(async () => (await server.met())['append hang'] === 1);
    const gone = newStream();
    await other.fault({ fault: 'status', operation: 'append', stream: gone, code: 13, message: 'this is the other server' });
    const failed = await refusal(append(there, gone, event()));
    expect(failed.message).toContain('this is the other server');
    expect(await waiting).toEqual(failed);
  });

  it('3 an append with a BigInt in its data never settles; the error is nobody\'s, and by default ends the process', async () => {
    const source = `client.appendToStream('stream-1', [jsonEvent({ type: 'T', data: { n: 1n } })]).then(() => say('resolved'), () => say('rejected'));
      process.once('unhandledRejection', (error) => { say(error.message); setTimeout(() => { say('still pending'); process.exit(0); }, 500); });`;
    const script = runScript(server.url, source);
    expect((await script.ended).code).toBe(0);
    expect(script.lines).toEqual(['Do not know how to serialize a BigInt', 'still pending']);
    const unguarded = runScript(server.url, `await client.appendToStream('stream-1', [jsonEvent({ type: 'T', data: { n: 1n } })]).catch(() => say('caught'));`);
    expect(await unguarded.ended).toMatchObject({ code: 1, err: expect.stringContaining('serialize a BigInt') });
    expect(unguarded.lines).toEqual([]);
  });

  it('4 "too busy" comes as type unknown; a server that is down as an error without a type, only with code 14', async () => {
    const stream = newStream();
    await server.fault({ fault: 'busy', operation: 'append', stream });
    const busy = await refusal(append(clientOf(server), stream, event()));
    expect(busy).toMatchObject({ type: 'unknown', message: expect.stringContaining('Server Is Busy') });
    expect(busy.code).toBeUndefined();
    const gone = await startServerProcess();
    await gone.stop();
    const down = await refusal(append(clientOf(gone), newStream(), event()));
    expect(down.code).toBe(14);
    expect(down.type).toBeUndefined();
  });

  it('5 remembers for ever that the server\'s features could not be asked, once, with code 13', async () => {
    const client = clientOf(server);
    await server.fault({ fault: 'status', operation: 'features', code: 13, times: 1 });
    expect((await refusal(append(client, newStream(), event()))).code).toBe(13);
    expect((await server.met())['features status']).toBe(1);
    for (let i = 0; i < 3; i++) expect((await refusal(append(client, newStream(), event()))).code).toBe(13);
    expect((await append(clientOf(server), newStream(), event())).success).toBe(true);
  });

  it('6 with throwOnAppendFailure=false it answers a revision that is not the stream\'s', async () => {
    const client = clientOf(server, '&throwOnAppendFailure=false');
    const stream = newStream();
    await append(client, stream, ...Array.from({ length: 6 }, () => event()));
    expect(await append(client, stream, event())).toEqual({ success: false, nextExpectedRevision: 1n, position: undefined });
  });

  it('7 a loop over a read that is left early leaves the call open; it has to be cancelled', async () => {
    const client = clientOf(server);
    const stream = newStream();
    const filler = 'x'.repeat(2000);
    for (let i = 0; i < 10; i++) await client.appendToStream(stream, Array.from({ length: 100 }, () => event({ filler })));
    const left = client.readStream(stream);
    for await (const { event: first } of left) {
      expect(first?.revision).toBe(0n);
      break;
    }
    expect(left.destroyed).toBe(true);
    await expect(until(async () => (await server.state()).reads === 0, 500)).rejects.toThrow('it does not hold');
    const cancelled = client.readStream(stream);
    await new Promise((resolve) => cancelled.once('data', resolve));
    await left.cancel();
    await cancelled.cancel();
    await until(async () => (await server.state()).reads === 0);
  });

  it('11 NotLeader fails the append and the client moves to the leader for the next: once more is needed, and enough', async () => {
    const client = clientOf(server);
    const stream = newStream();
    const happened = event();
    await server.fault({ fault: 'not-leader', operation: 'append', stream, leader: { host: '127.0.0.1', port: other.port } });
    expect(await refusal(append(client, stream, happened))).toMatchObject({ type: 'not-leader', leader: { address: '127.0.0.1', port: other.port } });
    expect((await append(client, stream, happened)).success).toBe(true);
    const there = [];
    for await (const { event: read } of clientOf(other).readStream(stream)) there.push(read?.id);
    expect(there).toEqual([happened.id]);
  });

  it('12 appends to one stream that are not awaited may be written in another order', async () => {
    const client = clientOf(server);
    const stream = newStream();
    const events = Array.from({ length: 8 }, (_, i) => event({ i }));
    await Promise.all(events.map((e) => client.appendToStream(stream, [e])));
    const read: string[] = [];
    for await (const { event: e } of client.readStream(stream)) read.push(e!.id);
    expect(read.toSorted()).toEqual(events.map((e) => e.id).toSorted());
    expect(read).not.toEqual(events.map((e) => e.id));
  });

  it('13 bytes in metadata come back as something else', async () => {
    const client = clientOf(server);
    const stream = newStream();
    const bytes = Buffer.from('{"n":1}');
    await client.appendToStream(stream, [{ ...event(), metadata: bytes }, { ...event(), metadata: Uint8Array.from(bytes) }]);
    const read: unknown[] = [];
    for await (const { event: e } of client.readStream(stream, { fromRevision: START })) read.push(e!.metadata);
    expect(read).toEqual([{ type: 'Buffer', data: [...bytes] }, { n: 1 }]);
  });

  it('14 tls=false leaves the login out, and says nothing', async () => {
    const closed = await startServerProcess(['--username', 'admin', '--password', 'changeit']);
    try {
      expect(closed.url).toContain('admin:changeit@');
      expect((await refusal(append(clientOf(closed), newStream(), event()))).type).toBe('access-denied');
    } finally { await closed.stop(); }
  });

  it('beside the fourteen: over TLS it reaches a name and not an address', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'eventstoredb-tls-'));
    const { cert, key } = await selfSigned(folder);
    const closed = await startServerProcess(['--cert', cert, '--key', key]);
    try {
      const trusting = `&tlsCAFile=${encodeURIComponent(cert)}`;
      const failed = await refusal(append(clientOf({ url: closed.url.replace('localhost', '127.0.0.1') }, trusting), newStream(), event()));
      expect(failed).toMatchObject({ code: 14, message: expect.stringContaining('Setting the TLS ServerName to an IP address is not permitted') });
      expect((await append(clientOf(closed, trusting), newStream(), event())).success).toBe(true);
    } finally {
      await closed.stop();
      rmSync(folder, { recursive: true });
    }
  });
});
