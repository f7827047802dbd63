import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfiguration, type Configuration } from '#libs/platform/configuration/configuration';
import { startGatewayMock } from '../../gateway-mock/gateway-mock.js';
import type { House } from '../../standalone/house.js';
import { openWhole } from '../../standalone/whole.js';
import { told, type Failed } from '../asking.js';
import { program } from '../program.js';

export interface Said { out: string; err: string; failed: Failed | null }

/** A data folder of its own, with a gateway mock, a server that can be started and ended, and the command line. */
export class LivedInHouse {
  readonly folder = mkdtempSync(join(tmpdir(), 'heliograph-'));
  env: Record<string, string> = {};
  mock!: Awaited<ReturnType<typeof startGatewayMock>>;
  house: House | null = null;

  async prepare(): Promise<this> {
    this.mock = await startGatewayMock({ port: 0, host: '127.0.0.1' });
    const { host } = new URL(this.mock.url);
    this.env = {
      DATA_DIR: join(this.folder, 'data'), SECRETS_DIR: join(this.folder, 'secrets'), LISTEN_PORTS: '0', MTLS_PORT: '0', GATEWAY_MOCK_PORT: '0', LOG_LEVEL: 'silent',
      GATEWAY_HTTP_URL: `${this.mock.url}/sink`, GATEWAY_SMS_URL: `${this.mock.url}/gateway/gateway.jsp`, EGRESS_ALLOW: host, RATE_LIMIT_MINUTE: '100000', RATE_LIMIT_HOUR: '100000',
    };
    return this;
  }

  get configuration(): Configuration { return parseConfiguration(this.env, this.folder); }
  async start(): Promise<void> { this.house = await openWhole(this.configuration); }
  async stop(): Promise<void> { await this.house?.close(); this.house = null; }

  /** Runs one command line, as the program does. */
  async run(...words: string[]): Promise<Said> {
    let out = '', err = '';
    const t = { out: (text: string) => { out += text; }, err: (text: string) => { err += text; }, env: this.env, tty: false, colour: false, ascii: true, width: 80 };
    try {
      await program(t).parseAsync(words, { from: 'user' });
      return { out, err, failed: null };
    } catch (error) { return { out, err, failed: told(error) }; }
  }
  async json(...words: string[]): Promise<Record<string, unknown>> {
    const { out, err, failed } = await this.run(...words, '--json');
    if (failed) throw new Error(`${words.join(' ')}: ${failed.message} ${err}`);
    return JSON.parse(out) as Record<string, unknown>;
  }

  async call(path: string, token: string, body?: object): Promise<{ status: number; body: Record<string, unknown> }> {
    const { host, port } = this.house!.listening.ports[0]!;
    const answer = await fetch(`http://${host}:${port}${path}`, {
      headers: { authorization: `Bearer ${token}`, connection: 'close', ...(body ? { 'content-type': 'application/json' } : {}) }, ...(body ? { method: 'POST', body: JSON.stringify(body) } : {}),
    });
    return { status: answer.status, body: await answer.json() as Record<string, unknown> };
  }

  async end(): Promise<void> {
    await this.stop();
    await this.mock.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Waits for a condition, not for a time; gives up after 10 s. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 10_000;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('it did not come to be');
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
}
