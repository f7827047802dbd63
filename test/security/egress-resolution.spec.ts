import { afterEach, describe, expect, it } from '@jest/globals';
import { connect, Socket } from 'node:net';
import { createEgress, type EgressOptions, type GuardedEgress } from '#libs/platform/egress/egress.client';
import { ManualClock, until } from '#libs/platform/egress/manual-clock';
import { KeptEgress } from '#libs/platform/egress/recorder';
import { plain, receiver, type Receiver } from './egress-receiver.js';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});
const kept = <T extends { close(): Promise<void> }>(one: T): T => {
  open.push(one);
  return one;
};
const recorder = (): KeptEgress => new KeptEgress();
const egressTo = (options: Partial<EgressOptions>): GuardedEgress => kept(createEgress({ allow: [], production: false, ...options }));
const answering = async (): Promise<Receiver> => kept(await receiver((socket) => socket.write(plain(200, 'here'))));
const post = (egress: GuardedEgress, url: string, deadlineMs = 30_000) => egress.request({ url, method: 'POST', headers: {}, body: 'x', deadlineMs });
/** undici gives a socket to the next call a turn of the event loop after the answer. */
const socketIsFree = async (): Promise<void> => {
  for (let turn = 0; turn < 3; turn++) await new Promise((done) => setImmediate(done));
};
const refusedAddress = { ok: false, problem: 'address_not_allowed', sent: false, detail: expect.stringContaining('address not allowed') };

describe('T61: names and the addresses behind them', () => {
  it('T61 a name that was good once is looked up again for the next socket, and refused when it leads inside', async () => {
    const server = await answering();
    const answers = ['127.0.0.1', '169.254.169.254'];
    const seen = recorder();
    const egress = egressTo({ allow: [{ host: 'hooks.example.com', port: server.port }], resolve: async () => [answers.shift()!], recorder: seen });
    const url = `http://hooks.example.com:${server.port}/`;
    expect(await post(egress, url)).toMatchObject({ ok: true, status: 200 });
    await socketIsFree();
    // On the same socket nothing is asked again: it is still connected to the address that was checked.
    expect(await post(egress, url)).toMatchObject({ ok: true, status: 200 });
    expect([server.connections, seen.lookups.length]).toEqual([1, 1]);
    await socketIsFree();
    // Two at once take a second socket, and that one is checked anew.
    const both = await Promise.all([post(egress, url), post(egress, url)]);
    expect(both).toEqual(expect.arrayContaining([expect.objectContaining({ ok: true }), expect.objectContaining(refusedAddress)]));
    expect([server.connections, seen.lookups.length, seen.connects.length]).toEqual([1, 2, 1]);
  });

  it.each([[['192.0.2.10', '10.0.0.5']], [['::1']], [['93.184.215.14', '::ffff:127.0.0.1']], [['93.184.215.14', 'not an address']], [['127.0.0.1']], [['0.0.0.0']]])('T61 %j: one bad address refuses all, nothing is connected', async (addresses) => {
    const seen = recorder();
    const egress = egressTo({ allow: [{ host: '192.0.2.10', port: 443 }], resolve: async () => addresses, recorder: seen });
    expect(await post(egress, 'https://hooks.example.com/')).toMatchObject(refusedAddress);
    expect([seen.lookups, seen.connects]).toEqual([['hooks.example.com'], []]);
  });

  it('T61 a socket that ends elsewhere than at the checked address is dropped before a byte is written', async () => {
    const server = await answering();
    const egress = egressTo({ allow: [{ host: '192.0.2.10', port: server.port }], resolve: async () => ['192.0.2.10'], dial: (_checked, port) => connect({ host: '127.0.0.1', port }) });
    expect(await post(egress, `http://hooks.example.com:${server.port}/`)).toMatchObject(refusedAddress);
    expect(server.requests).toEqual([]);
  });

  it('T61 the socket is opened to the address that was checked, with no second look-up', async () => {
    const server = await answering();
    const dialled: unknown[] = [];
    const egress = egressTo({
      allow: [{ host: 'hooks.example.com', port: server.port }], resolve: async () => ['127.0.0.1'],
      dial: (addresses, port) => {
        dialled.push([addresses, port]);
        return connect({ host: addresses[0]!, port });
      },
    });
    expect(await post(egress, `http://hooks.example.com:${server.port}/`)).toMatchObject({ ok: true });
    expect(dialled).toEqual([[['127.0.0.1'], server.port]]);
    expect(server.requests[0]).toContain(`host: hooks.example.com:${server.port}\r\n`);
  });

  it('T61 of several checked addresses another is tried when one does not answer', async () => {
    const server = await answering();
    const egress = egressTo({ allow: [{ host: 'hooks.example.com', port: server.port }], resolve: async () => ['::1', '127.0.0.1'] });
    expect(await post(egress, `http://hooks.example.com:${server.port}/`)).toMatchObject({ ok: true, status: 200 });
  });

  it('T61 a name that does not exist, or stands for nothing, is not resolved', async () => {
    const egress = egressTo({ resolve: async (host) => { if (host.startsWith('no')) throw Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }); return []; } });
    for (const url of ['https://no.example.com/', 'https://empty.example.com/']) {
      expect(await post(egress, url)).toEqual({ ok: false, problem: 'dns', sent: false, detail: 'name not resolved' });
    }
  });

  it('T61 a silent resolver is given up after 5 s, and by the deadline when that is sooner', async () => {
    const clock = new ManualClock();
    const egress = egressTo({ resolve: () => new Promise(() => {}), clock });
    const long = post(egress, 'https://slow.example.com/', 30_000);
    clock.pass(4_999);
    const short = post(egress, 'https://slow2.example.com/', 1);
    clock.pass(1);
    expect(await long).toMatchObject({ problem: 'dns', sent: false, detail: 'name not resolved in time' });
    expect(await short).toMatchObject({ problem: 'connect_timeout', sent: false });
    await egress.close();
    expect(clock.running).toBe(0);
  });

  it('T61 sockets are not shared over hosts, though both stand for one address', async () => {
    const server = await answering();
    const egress = egressTo({ allow: ['a', 'b'].map((name) => ({ host: `${name}.example.com`, port: server.port })), resolve: async () => ['127.0.0.1'] });
    for (const name of ['a', 'b', 'a', 'b']) {
      expect(await post(egress, `http://${name}.example.com:${server.port}/`)).toMatchObject({ ok: true });
      await socketIsFree();
    }
    expect(server.connections).toBe(2);
  });

  it('T45 nobody listens: nothing was sent, and a later call connects anew', async () => {
    const server = await receiver(() => {});
    await server.close();
    const egress = egressTo({ allow: [{ host: '127.0.0.1', port: server.port }] });
    for (let i = 0; i < 2; i++) expect(await post(egress, `http://127.0.0.1:${server.port}/`)).toMatchObject({ ok: false, problem: 'connect', sent: false, detail: 'no connection: ECONNREFUSED' });
  });

  it('T45 a connection that does not come about within 5 s is a connect timeout: nothing was sent', async () => {
    const clock = new ManualClock();
    const seen = recorder();
    // A listener that accepts no more would do the same, slowly: this socket simply never connects.
    const egress = egressTo({ allow: [{ host: '127.0.0.1', port: 9 }], clock, recorder: seen, dial: () => new Socket() });
    const result = post(egress, 'http://127.0.0.1:9/');
    await until(() => seen.connects.length === 1);
    clock.pass(5_000);
    expect(await result).toEqual({ ok: false, problem: 'connect_timeout', sent: false, detail: 'no connection in time' });
  });

  it('T45 what is given up while it waits for a socket is never sent', async () => {
    const clock = new ManualClock();
    let first: (() => void) | undefined;
    const server = kept(await receiver((socket, _request, n) => {
      if (n === 1) first = () => socket.write(plain(200, 'first'));
      else socket.write(plain(200, 'later'));
    }));
    const egress = egressTo({ allow: [{ host: '127.0.0.1', port: server.port }], clock, connections: 1 });
    const url = `http://127.0.0.1:${server.port}/`;
    const running = post(egress, url);
    await until(() => first !== undefined);
    const waiting = post(egress, url, 1_000);
    clock.pass(1_000);
    expect(await waiting).toMatchObject({ ok: false, problem: 'connect_timeout', sent: false });
    first!();
    expect(await running).toMatchObject({ ok: true });
    expect(await post(egress, url)).toMatchObject({ ok: true, body: Buffer.from('later') });
    expect([server.requests.length, server.connections]).toEqual([2, 1]);
  });

  it('ends what runs when it is closed, and answers no more', async () => {
    const server = kept(await receiver(() => {}));
    const clock = new ManualClock();
    const egress = egressTo({ allow: [{ host: '127.0.0.1', port: server.port }], clock });
    const running = post(egress, `http://127.0.0.1:${server.port}/`);
    await until(() => server.requests.length === 1);
    await egress.close();
    expect(await running).toMatchObject({ ok: false, problem: 'reset', sent: true });
    expect(await post(egress, `http://127.0.0.1:${server.port}/`)).toMatchObject({ ok: false, problem: 'connect', sent: false });
    expect(clock.running).toBe(0);
  });
});
