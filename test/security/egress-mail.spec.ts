import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { startMailSink, type MailSink } from '#apps/gateway-mock/mail-sink';
import { createEgress, type GuardedEgress } from '#libs/platform/egress/egress.client';
import { sendMail, type Mail, type MailServer } from '#libs/platform/egress/mail';
import { KeptEgress } from '#libs/platform/egress/recorder';
import { addressGuard } from '#libs/platform/egress/address.guard';

const AT = new Date('2030-01-01T00:00:00.000Z');
const MAIL: Mail = {
  from: { name: 'Heliograph', address: 'heliograph@example.com' }, to: 'grüße@example.com'.replace('ü', 'ue'), subject: 'Ihr neues Paßwort',
  text: `Grüße!\n\nhttps://heliograph.example.com/auth/password/reset?token=${'0123456789abcdef'.repeat(8)}\n`, messageId: '<1@example.com>',
};
let sink: MailSink, egress: GuardedEgress, recorder: KeptEgress;
const ends: (() => Promise<unknown>)[] = [];
const open = (...ports: number[]): GuardedEgress => {
  recorder = new KeptEgress();
  egress = createEgress({ allow: ports.map((port) => ({ host: '127.0.0.1', port })), production: true, recorder });
  ends.push(() => egress.close());
  return egress;
};
beforeEach(async () => { sink = await startMailSink({ port: 0, host: '127.0.0.1', now: () => AT }); ends.push(() => sink.close()); });
afterEach(async () => { for (const end of ends.splice(0).reverse()) await end(); });

const server = (port: number, over: Partial<MailServer> = {}): MailServer => ({ host: '127.0.0.1', port, tls: false, auth: null, ...over });
const OPTIONS = { deadlineMs: 2_000, helloName: 'heliograph.example.com' };

/** A mail server of the test's own. */
async function smtp(options: SMTPServerOptions): Promise<number> {
  const made = new SMTPServer({ logger: false, disableReverseLookup: true, authOptional: true, ...options });
  made.on('error', () => {});
  await new Promise<void>((listening) => { made.listen(0, '127.0.0.1', () => listening()); });
  ends.push(() => new Promise<void>((closed) => { made.close(() => closed()); }));
  return (made.server.address() as AddressInfo).port;
}
/** One that says these lines, each after the next line that it hears, then does what `last` says. */
async function scripted(lines: string[], last: (socket: Socket) => void): Promise<number> {
  const made: Server = createServer((socket) => {
    const left = [...lines];
    socket.on('error', () => {});
    const next = (): void => { const line = left.shift(); if (line === undefined) last(socket); else socket.write(`${line}\r\n`); };
    next();
    socket.on('data', next);
  });
  await new Promise<void>((listening) => { made.listen(0, '127.0.0.1', listening); });
  ends.push(() => new Promise<void>((closed) => { made.close(() => closed()); }));
  return (made.address() as AddressInfo).port;
}

describe('a mail', () => {
  it('arrives as it was written', async () => {
    expect(await sendMail(open(sink.port), server(sink.port), MAIL, OPTIONS)).toEqual({ outcome: 'sent' });
    expect(sink.mails()).toMatchObject([{ n: 1, at: AT.toISOString(), from: 'heliograph@example.com', to: [MAIL.to], subject: MAIL.subject, text: MAIL.text.trim(), headers: { 'auto-submitted': 'auto-generated', 'message-id': '<1@example.com>' } }]);
    expect(recorder.connects).toEqual([{ address: '127.0.0.1', port: sink.port }]);
  });
  it('no line break in a name or subject makes a header of its own', async () => {
    await sendMail(open(sink.port), server(sink.port), { ...MAIL, subject: 'a\r\nBcc: evil@example.com', from: { name: 'x\r\nBcc: evil@example.com', address: MAIL.from.address } }, OPTIONS);
    expect(sink.mails()[0]).toMatchObject({ to: [MAIL.to] });
    expect(Object.keys(sink.mails()[0]!.headers)).not.toContain('bcc');
  });
  it('goes nowhere that the operator did not open: nothing is looked up or connected', async () => {
    const shut = open();
    expect(await sendMail(shut, server(sink.port), MAIL, OPTIONS)).toEqual({ outcome: 'failed', problem: 'address_not_allowed', code: null });
    expect(await sendMail(shut, server(587, { host: 'localhost' }), MAIL, OPTIONS)).toEqual({ outcome: 'failed', problem: 'address_not_allowed', code: null });
    expect([recorder.lookups, recorder.connects, sink.mails()]).toEqual([[], [], []]);
  });
  it('does not leave in the open where TLS is asked for', async () =>
    expect([await sendMail(open(sink.port), server(sink.port, { tls: true }), MAIL, OPTIONS), sink.mails()]).toEqual([{ outcome: 'failed', problem: 'tls', code: expect.anything() }, []]));
  it('does not leave over TLS to who cannot prove his name', async () => {
    const port = await smtp({}); // with a certificate that nobody signed
    expect(await sendMail(open(port), server(port, { tls: true }), MAIL, OPTIONS)).toMatchObject({ outcome: 'failed', problem: 'tls' });
  });
  it.each([
    ['refuses the recipient', { onRcptTo: (_a, _s, done) => done(Object.assign(new Error('nobody'), { responseCode: 550 })) } satisfies SMTPServerOptions, { outcome: 'failed', problem: 'refused', code: 550 }],
    ['refuses the mail', { onData: (stream, _s, done) => { stream.resume(); stream.on('end', () => done(Object.assign(new Error('spam'), { responseCode: 554 }))); } } satisfies SMTPServerOptions, { outcome: 'failed', problem: 'refused', code: 554 }],
    ['is busy', { onMailFrom: (_a, _s, done) => done(Object.assign(new Error('later'), { responseCode: 451 })) } satisfies SMTPServerOptions, { outcome: 'failed', problem: 'refused', code: 451 }],
  ])('to a server that %s has failed', async (_, options, outcome) => {
    const port = await smtp(options);
    expect(await sendMail(open(port), server(port), MAIL, OPTIONS)).toEqual(outcome);
  });
  it('to a server that does not know us has failed, and the password is said to nobody else', async () => {
    const port = await smtp({ allowInsecureAuth: true, onAuth: (_auth, _session, done) => done(new Error('no')) });
    expect(await sendMail(open(port), server(port, { auth: { user: 'me', password: 'canary-smtp' } }), MAIL, OPTIONS)).toMatchObject({ outcome: 'failed', problem: 'sign_in', code: 535 });
  });
  it('that was begun and never answered is unknown; one that was not begun has failed', async () => {
    const silent = await scripted([], () => {});
    expect(await sendMail(open(silent), server(silent), MAIL, { ...OPTIONS, deadlineMs: 50 })).toEqual({ outcome: 'failed', problem: 'timeout', code: null });
    const cut = await scripted(['220 hello', '250 hello', '250 sender', '250 recipient', '354 go on'], (socket) => socket.destroy());
    expect(await sendMail(open(cut), server(cut), MAIL, OPTIONS)).toMatchObject({ outcome: 'unknown' });
    const hung = await scripted(['220 hello', '250 hello', '250 sender', '250 recipient', '354 go on'], () => {});
    expect(await sendMail(open(hung), server(hung), MAIL, { ...OPTIONS, deadlineMs: 200 })).toEqual({ outcome: 'unknown', problem: 'timeout', code: null });
  });
  it('is no longer sent once the egress is closed', async () => {
    await open(sink.port).close();
    expect(await sendMail(egress, server(sink.port), MAIL, OPTIONS)).toMatchObject({ outcome: 'failed', problem: 'connect' });
  });
});

describe('where a mail server may be', () => {
  const guard = addressGuard({ allow: [{ host: 'mail.inside', port: 25 }, { host: '127.0.0.1', port: 2525 }], production: true, own: [{ host: 'heliograph.example.com', port: 587 }] });
  it.each([
    ['smtp.example.com', 587, true], ['smtp.example.com', 465, true], ['smtp.example.com', 25, true], ['192.0.0.9', 587, false], ['8.8.8.8', 587, true], ['mail.inside', 25, true], ['127.0.0.1', 2525, true], ['127.1', 2525, true],
    ['smtp.example.com', 22, false], ['smtp.example.com', 6379, false], ['localhost', 25, false], ['10.0.0.1', 25, false], ['169.254.169.254', 25, false], ['::1', 25, false], ['[::1]', 25, false],
    ['heliograph.example.com', 587, false], ['smtp.example.com:25', 587, false], ['user@smtp.example.com', 587, false], ['smtp.example.com/x', 587, false], ['', 587, false], ['smtp.example.com', 0, false],
  ])('%s:%i: %p', (host, port, may) => expect(guard.mailServer(host, port).ok).toBe(may));
});
