import { afterEach, describe, expect, it } from '@jest/globals';
import { createEgress, type GuardedEgress } from '#libs/platform/egress/egress.client';
import { ManualClock, until } from '#libs/platform/egress/manual-clock';
import { plain, receiver, type Receiver } from './egress-receiver.js';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => { for (const one of open.splice(0).reverse()) await one.close(); });

/** never answers */
const hanging = async (): Promise<Receiver> => { const server = await receiver(() => undefined); open.push(server); return server; };
const reaching = (servers: readonly Receiver[], more: { origins?: number; connections?: number } = {}): GuardedEgress => {
  const egress = createEgress({ allow: servers.map(({ port }) => ({ host: '127.0.0.1', port })), production: false, clock: new ManualClock(), ...more });
  open.push(egress);
  return egress;
};
const post = (egress: GuardedEgress, { port }: Receiver) => egress.request({ url: `http://127.0.0.1:${port}/`, method: 'POST', headers: {}, body: 'hello', deadlineMs: 60_000 });

describe('closing the way out', () => {
  it('cuts what was sent and is not answered, at once: it may have been carried out; what waits was not sent', async () => {
    const server = await hanging();
    const egress = reaching([server], { connections: 1 });
    const running = post(egress, server);
    await until(() => server.requests.length === 1);
    const waiting = post(egress, server);
    await egress.close();
    expect(await running).toMatchObject({ ok: false, problem: 'reset', sent: true });
    expect(await waiting).toMatchObject({ ok: false, problem: 'connect', sent: false });
    expect(await post(egress, server)).toMatchObject({ ok: false, problem: 'connect', sent: false });
  });

  it('cuts also what runs on an origin whose place another has taken', async () => {
    const [server, other] = [await hanging(), await receiver((socket) => socket.write(plain(200, 'ok')))];
    open.push(other);
    const egress = reaching([server, other], { origins: 1 });
    const running = post(egress, server);
    await until(() => server.requests.length === 1);
    expect(await post(egress, other)).toMatchObject({ ok: true });
    await egress.close();
    expect(await running).toMatchObject({ ok: false, problem: 'reset', sent: true });
  });
});
