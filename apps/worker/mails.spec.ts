import { createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { CommandBus } from '@nestjs/cqrs';
import { startMailSink, type MailSink } from '#apps/gateway-mock/mail-sink';
import type { AnyDecider, StreamCommand } from '#libs/event-sourcing/decider';
import type { Kernel } from '#libs/event-sourcing/running/kernel';
import { by, Room } from '#libs/event-sourcing/testing/rooms';
import { TestClock } from '#libs/event-sourcing/testing/test-clock';
import { readResetToken } from '#libs/identity/mail/reset-link';
import { resetMail, RESET_MAILS, RESET_MAIL_SETTLINGS } from '#libs/identity/mail/reset-mail.process';
import { RegisterUser, RequestPasswordReset, StartResetMail, user, type UserState } from '#libs/identity/user/user.decider';
import { createEgress, type GuardedEgress } from '#libs/platform/egress/egress.client';
import { mailHandlers, type MailHouse, type MailPorts } from './mails.js';

const RESET = 'a'.repeat(32);
let room: Room, kernel: Kernel, sink: MailSink, egress: GuardedEgress, clock: TestClock, mailed: string[], shut: number, n = 0;
let house: MailHouse | null;
beforeAll(async () => {
  [room, sink] = await Promise.all([Room.open(), startMailSink({ port: 0, host: '127.0.0.1', now: () => new Date() })]);
  clock = new TestClock();
  kernel = await room.kernel({ deciders: [user as AnyDecider], processes: [resetMail], projections: [], clock });
  // a port that nobody listens on
  const closed = createServer();
  await new Promise<void>((listening) => { closed.listen(0, '127.0.0.1', listening); });
  shut = (closed.address() as AddressInfo).port;
  await new Promise((done) => { closed.close(done); });
  egress = createEgress({ allow: [sink.port, shut].map((port) => ({ host: '127.0.0.1', port })), production: true });
});
afterAll(async () => {
  await egress.close();
  await sink.close();
  await room.close();
});
beforeEach(() => { mailed = []; house = houseAt(sink.port); });

const houseAt = (port: number): MailHouse => ({ server: { host: '127.0.0.1', port, tls: false, auth: null }, from: { name: 'Heliograph', address: 'heliograph@example.com' }, organisation: 'Acme', publicUrl: 'https://hub.example.com' });
const ports = (): MailPorts => ({
  bus: { execute: (command: StreamCommand) => kernel.commands.execute(user, command) } as unknown as CommandBus,
  states: kernel.states, sealer: kernel.sealer, keyring: kernel.keyring, egress, clock, mailHouse: () => Promise.resolve(house), mailed: (outcome, problem) => { mailed.push(`${outcome} ${problem}`); },
});
/** A new account whose link was asked for. */
async function asked(): Promise<{ id: string; email: string; job: { topic: string; stream: string; id: string; lane: string } }> {
  const id = `usr_${String(++n).padStart(32, '0')}`, email = `person${n}@example.com`;
  await kernel.commands.execute(user, new RegisterUser(id, { username: null, email, fullName: null, role: 'user', password: '$argon2id$x', mustChange: false, origin: 'sign-up' }, by(`register ${n}`)));
  await kernel.commands.execute(user, new RequestPasswordReset(id, { reset: RESET, minutes: 30 }, by(`ask ${n}`)));
  return { id, email, job: { topic: RESET_MAILS, stream: `user-${id}`, id: `${id}/${RESET}`, lane: '' } };
}
const send = (job: { topic: string; stream: string; id: string; lane: string }) => mailHandlers(ports())[job.topic]!(job);
const types = async (id: string): Promise<string[]> => (await kernel.options.engine.eventStore.read(`user-${id}`, 0, 50)).map((e) => e.type);
const resetOf = async (id: string) => ((await kernel.states.read(user, `user-${id}`)).state as UserState).reset!;
const SENT = ['UserRegistered', 'PasswordResetRequested', 'PasswordResetMailStarted', 'PasswordResetMailEnded'];

describe('T08 the mail with a link to a new password', () => {
  it('is claimed, sent and told of; its link is on the public URL and only for this request', async () => {
    const { id, email, job } = await asked();
    expect(await send(job)).toBe('done');
    const [mail] = sink.mails().filter((m) => m.to.includes(email));
    expect(mail).toMatchObject({ from: 'heliograph@example.com', subject: 'Acme: set a new password' });
    const link = new URL(/https:\S+/.exec(mail!.text)![0]);
    expect([link.origin, link.pathname]).toEqual(['https://hub.example.com', '/auth/password/reset']);
    expect(readResetToken((p, t) => kernel.keyring.mac(p, t), link.searchParams.get('token')!)).toEqual({ user: id, reset: RESET });
    expect([await types(id), (await resetOf(id)).mail, mailed]).toEqual([SENT, 'sent', ['sent none']]);
    expect(await send(job)).toBe('drop');
  });
  it('leaves once, however many workers are given it', async () => {
    const { id, email, job } = await asked();
    const answers = await Promise.all(Array.from({ length: 5 }, () => send(job)));
    expect([answers.filter((a) => a === 'done').length, answers.filter((a) => a === 'drop').length]).toEqual([1, 4]);
    expect(sink.mails().filter((m) => m.to.includes(email))).toHaveLength(1);
    expect(await types(id)).toEqual(SENT);
  });
  it('has failed where no server takes it, and says so', async () => {
    house = houseAt(shut);
    const { id, job } = await asked();
    expect(await send(job)).toBe('done');
    expect([(await resetOf(id)).mail, mailed]).toEqual(['failed', ['failed connect']]);
  });
  it('waits for a mail server, and is given up when its link is over', async () => {
    house = null;
    const { id, job } = await asked();
    expect(await send(job)).toEqual({ later: new Date(clock.now().getTime() + 30_000).toISOString() });
    await clock.advance(30 * 60_000);
    house = houseAt(sink.port);
    expect(await send(job)).toBe('drop');
    expect(await types(id)).toEqual(SENT.slice(0, 2));
  });
  it('is not sent any more once a newer link was asked for', async () => {
    const { id, job } = await asked();
    await kernel.commands.execute(user, new RequestPasswordReset(id, { reset: 'b'.repeat(32), minutes: 30 }, by('newer')));
    expect(await send(job)).toBe('drop');
  });
  it('of which nothing was heard is unknown, once its time is over', async () => {
    const { id, job } = await asked();
    await kernel.commands.execute(user, new StartResetMail(id, { reset: RESET }, by('dies', { exclusive: true })));
    const settling = { ...job, topic: RESET_MAIL_SETTLINGS, id: `${job.id}/settle` };
    expect(await send(job)).toBe('drop');
    expect(await send(settling)).toEqual({ later: new Date(clock.now().getTime() + 70_000).toISOString() });
    await clock.advance(70_000);
    expect(await send(settling)).toBe('done');
    expect([(await resetOf(id)).mail, await send(settling)]).toEqual(['unknown', 'drop']);
  });
});
