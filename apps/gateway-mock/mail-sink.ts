import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

/** One mail that reached the sink. */
export interface ReceivedMail {
  /** 1, 2, 3, …: the order in which they came */
  n: number;
  /** UTC, ISO 8601 */
  at: string;
  /** as the envelope says */
  from: string;
  to: string[];
  subject: string;
  text: string;
  headers: Record<string, string>;
}

export interface MailSink {
  port: number;
  /** the newest 1,000, in the order in which they came */
  mails(): ReceivedMail[];
  clear(): void;
  close(): Promise<void>;
}

const KEPT = 1_000;
const MAX_BYTES = 1_048_576;

/** Takes every mail that it is handed, without sign-in or TLS, and delivers none. @param port 0: any free one */
export async function startMailSink({ port, host, now }: { port: number; host: string; now: () => Date }): Promise<MailSink> {
  let mails: ReceivedMail[] = [];
  let count = 0;
  const server = new SMTPServer({
    authOptional: true, disabledCommands: ['STARTTLS', 'AUTH'], disableReverseLookup: true, size: MAX_BYTES, logger: false, banner: 'gateway mock: takes every mail, delivers none',
    onData(stream, { envelope }, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        if (stream.sizeExceeded) { done(Object.assign(new Error('too large'), { responseCode: 552 })); return; }
        mails.push({ n: ++count, at: now().toISOString(), from: envelope.mailFrom ? envelope.mailFrom.address : '', to: envelope.rcptTo.map(({ address }) => address), ...readMail(Buffer.concat(chunks).toString('utf8')) });
        mails = mails.slice(-KEPT);
        done();
      });
    },
  });
  server.on('error', () => { /* a client that breaks off is no trouble of ours */ });
  await new Promise<void>((listening, failed) => {
    server.server.once('error', failed);
    server.listen(port, host, () => listening());
  });
  return {
    port: (server.server.address() as AddressInfo).port,
    mails: () => [...mails],
    clear: () => { mails = []; count = 0; },
    close: () => new Promise((closed) => { server.close(() => closed()); }),
  };
}

const quotedPrintable = (text: string): string =>
  Buffer.from(text.replace(/=\r?\n/g, '').replace(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))), 'latin1').toString('utf8');
const DECODERS: Record<string, (text: string) => string> = { 'quoted-printable': quotedPrintable, base64: (text) => Buffer.from(text, 'base64').toString('utf8') };

const word = (_: string, encoding: string, text: string): string =>
  (encoding.toUpperCase() === 'B' ? Buffer.from(text, 'base64').toString('utf8') : quotedPrintable(text.replaceAll('_', ' ')));
/** RFC 2047, for UTF-8. */
const header = (text: string): string => text.replace(/\?=\s+=\?/g, '?==?').replace(/=\?utf-8\?([BQ])\?([^?]*)\?=/gi, word);

/** A plain-text mail in the open; of others the raw body. */
function readMail(raw: string): Pick<ReceivedMail, 'subject' | 'text' | 'headers'> {
  const [head = '', ...rest] = raw.split(/\r?\n\r?\n/);
  const headers = Object.fromEntries(head.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/).flatMap((line): [string, string][] => {
    const [, name, value] = /^([\w-]+):\s*(.*)$/.exec(line) ?? [];
    return name === undefined ? [] : [[name.toLowerCase(), header(value!)]];
  }));
  const body = rest.join('\n\n');
  return { subject: headers['subject'] ?? '', text: (DECODERS[headers['content-transfer-encoding']?.toLowerCase() ?? ''] ?? ((text: string) => text))(body).replaceAll('\r\n', '\n').trim(), headers };
}
