import { randomBytes } from 'node:crypto';
import { connect, type TLSSocket } from 'node:tls';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { loadAuthority, type Authority, type IssuedKeyPair, type KeyPair } from '#libs/identity/certificate/authority';
import { IssueCertificate } from '#libs/identity/credential/credential.decider';
import { exchange, type RawAnswer } from '#libs/platform/http/testing/raw-http';
import { createLog } from '#libs/platform/telemetry/log';
import { WholeHouse, type Client } from '../../journeys/whole-house.js';

/** A whole house to send rows to: its log kept, a token and a certificate at hand. */
export class Ground {
  readonly lines: string[] = [];
  whole!: WholeHouse;
  token!: string;
  user!: Client;
  device!: Client;
  authority!: Authority;
  certificate!: IssuedKeyPair;

  static async open(env: Record<string, string> = {}): Promise<Ground> {
    const ground = new Ground();
    ground.whole = await WholeHouse.open({ env, log: createLog('debug', { write: (line) => { ground.lines.push(line); } }) });
    const { whole } = ground;
    ground.token = await whole.token('owner-a');
    ground.user = whole.bearer(ground.token);
    ground.device = await whole.certified('owner-a');
    ground.authority = await loadAuthority(whole.house.secrets.ca, { now: () => new Date(), random: randomBytes });
    ground.certificate = await whole.certificate('owner-a');
    return ground;
  }
  close(): Promise<void> { return this.whole.close(); }

  get port(): number { return this.whole.house.listening.ports[0]!.port; }
  raw(bytes: string | Buffer): Promise<RawAnswer> { return exchange(this.port, bytes); }

  /** How many requests the log says were accepted. */
  async accepted(): Promise<number> {
    const { events } = await this.whole.house.engine.eventStore.readAll(null, ['message-', 'batch-'], 100_000);
    return events.filter(({ type }) => type === 'MessageAccepted' || type === 'BatchItemsAdded').length;
  }

  /** One request over an open TLS connection, which stays as the server leaves it. `rest`: what follows after Host, with the empty line. */
  async ask(socket: TLSSocket, rest = '\r\n', line = 'GET /api/v1/messages'): Promise<{ status: number; head: string; body: Record<string, unknown> }> {
    let text = '';
    const hear = (bytes: Buffer): void => { text += bytes.toString('utf8'); };
    socket.on('data', hear);
    socket.write(`${line} HTTP/1.1\r\nHost: localhost:${this.whole.mtlsPort}\r\n${rest}`);
    const length = (): number => Number(/content-length: (\d+)/i.exec(text)?.[1] ?? Number.NaN);
    await until('an answer has come', () => text.includes('\r\n\r\n') && Buffer.byteLength(text.slice(text.indexOf('\r\n\r\n') + 4)) >= length());
    socket.off('data', hear);
    const [head, body] = [text.slice(0, text.indexOf('\r\n\r\n')), text.slice(text.indexOf('\r\n\r\n') + 4)];
    return { status: Number(head.split(' ')[1]), head: head.toLowerCase(), body: JSON.parse(body) as Record<string, unknown> };
  }
  /** A TLS connection with this certificate. */
  tls(pair: Partial<KeyPair>): Promise<TLSSocket> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port: this.whole.mtlsPort, host: '127.0.0.1', servername: 'localhost', ca: this.whole.house.secrets.ca.certificate, cert: pair.certificate, key: pair.privateKey });
      socket.once('secureConnect', () => resolve(socket)).once('error', reject);
    });
  }
  /** Makes a certificate known as `owner`'s. */
  async register(owner: string, { serial, fingerprint256, notAfter }: IssuedKeyPair): Promise<void> {
    await this.whole.house.api.bus.execute(new IssueCertificate(serial, { owner, role: 'user', fingerprint256, expiresAt: notAfter }, { principal: 'local:rows', correlationId: 'rows', causationId: serial }));
  }
}
