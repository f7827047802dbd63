import MailComposer from 'nodemailer/lib/mail-composer';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import type { SecureContextOptions } from 'node:tls';
import { systemClock, type EgressClock } from './dial.js';
import type { EgressLines } from './egress.js';

export interface MailServer {
  host: string;
  port: number;
  /** over TLS or not at all: from the first byte on port 465, agreed by STARTTLS elsewhere */
  tls: boolean;
  /** null: without signing in */
  auth: { user: string; password: string } | null;
}

export interface Mail {
  from: { name: string; address: string };
  to: string;
  subject: string;
  text: string;
  /** with its angle brackets */
  messageId: string;
}

/** What became of handing a mail over. `unknown`: the line ended after the mail was begun; it may have been taken. Nothing the server said is in it: its texts quote addresses. */
export type MailOutcome = { outcome: 'sent' } | { outcome: 'failed' | 'unknown'; problem: MailProblem; /** of the server's reply */ code: number | null };
export type MailProblem = 'dns' | 'address_not_allowed' | 'connect' | 'connect_timeout' | 'tls' | 'timeout' | 'sign_in' | 'refused' | 'protocol';

export interface MailOptions {
  /** from the look-up to the server's last word, in milliseconds */
  deadlineMs: number;
  /** how this server calls itself to the other */
  helloName: string;
  clock?: EgressClock;
  /** authorities trusted beside the machine's own choice */
  tls?: Pick<SecureContextOptions, 'ca'>;
}

const IMPLICIT_TLS_PORT = 465;

interface SmtpError { code?: string | undefined; responseCode?: number | undefined }
const problemOf = ({ code, responseCode }: SmtpError): MailProblem =>
  code === 'ETLS' ? 'tls' : code === 'EAUTH' || code === 'ENOAUTH' ? 'sign_in' : responseCode !== undefined ? 'refused' : code === 'ETIMEDOUT' ? 'timeout' : code === 'EPROTOCOL' ? 'protocol' : 'connect';

/** Hands one mail to a mail server, over a line of the egress guard. Never throws for what the other side does. */
export async function sendMail(lines: EgressLines, server: MailServer, mail: Mail, options: MailOptions): Promise<MailOutcome> {
  const { host, port, auth } = server;
  const { deadlineMs, helloName, clock = systemClock } = options;
  const line = await lines.connect(host, port, deadlineMs);
  if (!line.ok) return { outcome: 'failed', problem: line.problem, code: null };
  const message = await new MailComposer({ ...mail, disableFileAccess: true, disableUrlAccess: true, headers: { 'Auto-Submitted': 'auto-generated' } }).compile().build();
  const smtp = new SMTPConnection({
    connection: line.socket, host, port, name: helloName, secure: server.tls && port === IMPLICIT_TLS_PORT, requireTLS: server.tls, ignoreTLS: !server.tls,
    tls: { ...options.tls, servername: host, minVersion: 'TLSv1.2', rejectUnauthorized: true }, greetingTimeout: deadlineMs, socketTimeout: deadlineMs,
  });
  /** the mail itself was begun: from here on a cut line says nothing of what the server did */
  let begun = false;
  let cancel = (): void => {};
  const outcome = await new Promise<MailOutcome>((resolve) => {
    const failed = (error: SmtpError | null | undefined): void => resolve({ outcome: begun && error?.responseCode === undefined ? 'unknown' : 'failed', problem: problemOf(error ?? {}), code: error?.responseCode ?? null });
    cancel = clock.after(deadlineMs, () => resolve({ outcome: begun ? 'unknown' : 'failed', problem: 'timeout', code: null }));
    smtp.on('error', failed);
    smtp.once('end', () => failed(null));
    const send = (): void => {
      begun = true;
      smtp.send({ from: mail.from.address, to: [mail.to] }, message, (error) => (error ? failed(error) : resolve({ outcome: 'sent' })));
    };
    smtp.connect((error) => {
      if (error) failed(error);
      else if (auth) smtp.login({ user: auth.user, credentials: { user: auth.user, pass: auth.password } }, (refused) => (refused ? failed(refused) : send()));
      else send();
    });
  });
  cancel();
  if (outcome.outcome === 'sent') smtp.quit(); else smtp.close();
  // a server that does not hang up is hung up on
  line.socket.setTimeout(1_000, () => line.socket.destroy());
  return outcome;
}
