import { join, relative, resolve, isAbsolute } from 'node:path';
import type { HostPort } from './form.js';
import { SETTINGS, type Given, type Setting } from './settings.js';

type WorkedOut = 'masterKeyFile' | 'gatewayMockPort' | 'gatewayMockSmtpPort' | 'publicHosts' | 'egressAllow';

/** All settings, parsed and completed; paths are absolute. Frozen. */
export interface Configuration extends Omit<Given, WorkedOut> {
  readonly masterKeyFile: string;
  /** 0: off */
  readonly gatewayMockPort: number;
  /** 0: off */
  readonly gatewayMockSmtpPort: number;
  readonly publicHosts: readonly string[];
  readonly egressAllow: readonly HostPort[];
}

/** One thing wrong: which setting, and what it must be. Never its value, which may be a secret in the wrong place. */
export interface Fault {
  readonly name: string;
  readonly must: string;
}

/** Every wrong setting at once. */
export class ConfigurationError extends Error {
  constructor(readonly faults: readonly Fault[]) {
    const one = faults.length === 1;
    super(`${one ? 'One setting is' : `${faults.length} settings are`} wrong:\n${faults.map((f) => `  ${f.name} ${f.must}`).join('\n')}\nSee docs/configuration.md.`);
    this.name = 'ConfigurationError';
  }
}

const LOOPBACK = ['localhost', '127.0.0.1', '::1'];
const ANY = ['0.0.0.0', '::'];

const isWithin = (folder: string, file: string): boolean => {
  const way = relative(folder, file);
  return way === '' || (way !== '..' && !way.startsWith('../') && !isAbsolute(way));
};

/** What each setting says alone. A variable that is empty counts as not there. */
function readEach(env: Env): { read: Given; faults: Fault[] } {
  const faults: Fault[] = [];
  const read = Object.entries(SETTINGS as Record<string, Setting<unknown>>).map(([key, { name, form, fallback }]) => {
    const text = env[name]?.trim() || fallback;
    const value = text === null ? null : form.parse(text);
    if (value === undefined) faults.push({ name, must: `must be ${form.form}` });
    return [key, value];
  });
  return { read: Object.fromEntries(read) as Given, faults };
}

/** Fills in what has its default from other settings. A wrong value is `undefined` here and stays so. */
function complete(read: Given, cwd: string): Configuration {
  const at = <T extends string | null>(path: T): T => (path ? resolve(cwd, path) : path) as T;
  const gatewayMockPort = read.gatewayMockPort === null ? (read.environment === 'production' ? 0 : 5555) : read.gatewayMockPort;
  const gatewayMockSmtpPort = read.gatewayMockSmtpPort === null ? (gatewayMockPort && read.environment !== 'production' ? 2525 : 0) : read.gatewayMockSmtpPort;
  const mocks = [gatewayMockPort, gatewayMockSmtpPort].filter((p) => p).map((p) => Object.freeze({ host: '127.0.0.1', port: p }));
  const mock = (path: string): string | null => (gatewayMockPort ? `http://127.0.0.1:${gatewayMockPort}${path}` : null);
  const allowed = read.egressAllow ?? [];
  return {
    ...read,
    dataDir: at(read.dataDir),
    secretsDir: at(read.secretsDir),
    masterKeyFile: at(read.masterKeyFile ?? join(read.secretsDir ?? '', 'master.key')),
    tlsCert: at(read.tlsCert),
    tlsKey: at(read.tlsKey),
    gatewaysFile: at(read.gatewaysFile),
    kafkaTlsCa: at(read.kafkaTlsCa),
    kafkaPasswordFile: at(read.kafkaPasswordFile),
    gatewayMockPort,
    gatewayMockSmtpPort,
    gatewayHttpUrl: read.gatewayHttpUrl === null ? mock('/sink') : read.gatewayHttpUrl,
    gatewaySmsUrl: read.gatewaySmsUrl === null ? mock('/gateway/gateway.jsp') : read.gatewaySmsUrl,
    publicHosts: read.publicHosts ?? Object.freeze([...new Set([...LOOPBACK, ...[read.listenHost].filter((h) => h && !ANY.includes(h))])]),
    egressAllow: Object.freeze([...allowed, ...mocks]),
  };
}

type Rule = readonly [name: string, must: string, broken: (c: Configuration) => boolean];

/** What settings must be to each other. */
const RULES: readonly Rule[] = [
  ...(['eventstoreUrl', 'mongodbUrl', 'kafkaBrokers'] as const).map((key): Rule =>
    [SETTINGS[key].name, 'must be set with ENGINES=cluster', (c) => c.engines === 'cluster' && c[key] === null]),
  ['KAFKA_TLS_CA', 'must be set only with KAFKA_TLS=true: without TLS no certificate is looked at', (c) => c.kafkaTlsCa !== null && c.kafkaTls === 'false'],
  ['KAFKA_USERNAME', 'must be set together with KAFKA_PASSWORD_FILE: both or none', (c) => c.kafkaPasswordFile !== null && c.kafkaUsername === null],
  ['KAFKA_PASSWORD_FILE', 'must be set together with KAFKA_USERNAME: both or none', (c) => c.kafkaUsername !== null && c.kafkaPasswordFile === null],
  ['KAFKA_PASSWORD_FILE', 'must be outside DATA_DIR: a copy of the data must not hold it', (c) => c.kafkaPasswordFile !== null && isWithin(c.dataDir, c.kafkaPasswordFile)],
  ['KAFKA_TLS', 'must be true where KAFKA_BROKERS names other hosts and KAFKA_USERNAME is set: a password goes only over TLS to another host', (c) => c.kafkaUsername !== null && c.kafkaTls === 'false' && (c.kafkaBrokers ?? '').split(',').some((b) => b !== '' && !/^(localhost|127(\.\d{1,3}){3}|\[::1\]):\d+$/i.test(b))],
  ['GATEWAY_MOCK_PORT', 'must be 0 in production: the mock answers in place of a gateway, and nothing would be sent', (c) => c.environment === 'production' && c.gatewayMockPort > 0],
  ['GATEWAY_MOCK_SMTP_PORT', 'must be 0 in production: the mock delivers no mail', (c) => c.environment === 'production' && c.gatewayMockSmtpPort > 0],
  ['TLS_KEY', 'must be set together with TLS_CERT: both or none', (c) => c.tlsCert !== null && c.tlsKey === null],
  ['TLS_CERT', 'must be set together with TLS_KEY: both or none', (c) => c.tlsKey !== null && c.tlsCert === null],
  ['MTLS_PORT', 'must be a port that LISTEN_PORTS does not name', (c) => c.mtlsPort > 0 && (c.listenPorts ?? []).includes(c.mtlsPort)],
  ['GATEWAY_MOCK_PORT', 'must be a port that LISTEN_PORTS and MTLS_PORT do not name', (c) => c.gatewayMockPort > 0 && [...(c.listenPorts ?? []), c.mtlsPort].includes(c.gatewayMockPort)],
  ['GATEWAY_MOCK_SMTP_PORT', 'must be a port that LISTEN_PORTS, MTLS_PORT and GATEWAY_MOCK_PORT do not name', (c) => c.gatewayMockSmtpPort > 0 && [...(c.listenPorts ?? []), c.mtlsPort, c.gatewayMockPort].includes(c.gatewayMockSmtpPort)],
  ['SECRETS_DIR', 'must be outside DATA_DIR: a copy of the data must not hold its keys', (c) => isWithin(c.dataDir, c.secretsDir)],
  ['MASTER_KEY_FILE', 'must be outside DATA_DIR: a copy of the data must not hold its keys', (c) => !isWithin(c.dataDir, c.secretsDir) && isWithin(c.dataDir, c.masterKeyFile)],
];

export type Env = Readonly<Record<string, string | undefined>>;

/**
 * Reads the environment once.
 * @param env the variables, as `process.env`
 * @param cwd the folder that relative paths count from
 * @throws ConfigurationError naming every wrong setting and its allowed form, without values
 */
export function parseConfiguration(env: Env, cwd: string = process.cwd()): Configuration {
  const { read, faults } = readEach(env);
  const configuration = complete(read, cwd);
  const wrong = new Set(faults.map((f) => f.name));
  for (const [name, must, broken] of RULES) if (!wrong.has(name) && broken(configuration)) faults.push({ name, must });
  if (faults.length > 0) throw new ConfigurationError(faults);
  return Object.freeze(configuration);
}
