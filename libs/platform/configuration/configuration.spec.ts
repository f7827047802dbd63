import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ConfigurationError, parseConfiguration, type Env } from './configuration.js';
import { SETTINGS } from './settings.js';

const parse = (env: Env) => parseConfiguration(env, '/srv/heliograph');
const faultsOf = (env: Env): string[] => {
  try {
    parse(env);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.faults.map((f) => f.name);
  }
};

describe('configuration', () => {
  it('needs nothing set', () => {
    const c = parse({});
    expect(c).toMatchObject({
      environment: 'development', engines: 'embedded', listenHost: '127.0.0.1', listenPorts: [8000], mtlsPort: 8001,
      dataDir: '/srv/heliograph/data', secretsDir: '/srv/heliograph/secrets', masterKeyFile: '/srv/heliograph/secrets/master.key',
      gatewayMockPort: 5555, gatewayHttpUrl: 'http://127.0.0.1:5555/sink', gatewaySmsUrl: 'http://127.0.0.1:5555/gateway/gateway.jsp',
      gatewayMockSmtpPort: 2525, trustedProxies: null,
      egressAllow: [{ host: '127.0.0.1', port: 5555 }, { host: '127.0.0.1', port: 2525 }], publicHosts: ['localhost', '127.0.0.1', '::1'], tlsCert: null, tlsKey: null,
    });
    expect(Object.isFrozen(c)).toBe(true);
  });

  it('takes lists, addresses and paths', () => {
    expect(parse({
      LISTEN_PORTS: '8000, 3570,5000', EGRESS_ALLOW: '10.0.0.7:8080,[2001:DB8::1]:443', PUBLIC_HOSTS: 'Hub.example.com', GATEWAY_MOCK_PORT: '0',
      MASTER_KEY_FILE: '/etc/heliograph/master.key', DATA_DIR: '/var/lib/heliograph', GATEWAY_HTTP_URL: 'https://broker.example.com/in',
    })).toMatchObject({
      listenPorts: [8000, 3570, 5000], egressAllow: [{ host: '10.0.0.7', port: 8080 }, { host: '2001:db8::1', port: 443 }], publicHosts: ['hub.example.com'],
      masterKeyFile: '/etc/heliograph/master.key', dataDir: '/var/lib/heliograph', gatewayHttpUrl: 'https://broker.example.com/in', gatewaySmsUrl: null,
    });
  });

  // what `openssl rand -hex 16`, `openssl rand -base64 32` and the manual's `secrets.token_urlsafe(32)` print; the first with ten different characters only
  it.each(['00112233445566778899001122334455', 'pB9Yq0o7d3fVx1hT5mZk8sRw2uLc6nJeA4gQyXvKtWI=', 'Zk3v_8QmT-yN1uXr5LwB7oHdC0aSgEfJ2iPqRtVxY4M'])('takes a random SECRET_KEY: %s', (key) =>
    expect(parse({ SECRET_KEY: key }).secretKey).toBe(key));

  it('counts an empty variable as not there', () => expect(parse({ MTLS_PORT: '', TLS_CERT: ' ' })).toMatchObject({ mtlsPort: 8001, tlsCert: null }));

  it('knows an address in each of its spellings', () => {
    expect(parse({ EGRESS_ALLOW: '127.1:80,0x7f.1:81,[0:0:0:0:0:0:0:1]:82', LISTEN_HOST: '::', PUBLIC_HOSTS: '[::1]' }))
      .toMatchObject({ egressAllow: [{ host: '127.0.0.1', port: 80 }, { host: '127.0.0.1', port: 81 }, { host: '::1', port: 82 }, { host: '127.0.0.1', port: 5555 }, { host: '127.0.0.1', port: 2525 }], listenHost: '::', publicHosts: ['::1'] });
  });

  it('names every wrong value at once, with its allowed form', () => {
    const env = { LISTEN_PORTS: '8000,8000', MTLS_PORT: '70000', LOG_LEVEL: 'loud', EGRESS_ALLOW: 'x', SMS_SENDER_NUMBER: '0123', NODE_ENV: 'staging' };
    expect(faultsOf(env).sort()).toEqual(Object.keys(env).sort());
    expect(() => parse(env)).toThrow(/6 settings are wrong:[^]*LOG_LEVEL must be fatal, error, warn, info, debug, trace or silent/);
  });

  it('never shows a value', () => {
    fc.assert(fc.property(fc.constantFrom(...Object.values(SETTINGS)), fc.stringMatching(/^[g-z]{12,40}$/), ({ name }, secret) => {
      try {
        parse({ [name]: `\u0000://user:${secret}@` });
      } catch (error) {
        expect(String(error)).not.toContain(secret);
        return;
      }
      throw new Error(`${name} took nonsense`);
    }));
  });

  it.each([
    ['the cluster engines without their servers', { ENGINES: 'cluster', KAFKA_BROKERS: 'localhost:9092' }, ['EVENTSTORE_URL', 'MONGODB_URL']],
    ['an authority for Kafka without TLS', { KAFKA_TLS_CA: 'ca.pem' }, ['KAFKA_TLS_CA']],
    ['a user for Kafka without a password', { KAFKA_USERNAME: 'house' }, ['KAFKA_PASSWORD_FILE']],
    ['a password for Kafka without a user', { KAFKA_PASSWORD_FILE: 'kafka.password' }, ['KAFKA_USERNAME']],
    ['a password for Kafka over plain text to another host', { KAFKA_BROKERS: '127.0.0.1:9092,kafka-2:9092', KAFKA_USERNAME: 'house', KAFKA_PASSWORD_FILE: 'kafka.password' }, ['KAFKA_TLS']],
    ['a password for Kafka among the data', { KAFKA_TLS: 'true', KAFKA_USERNAME: 'house', KAFKA_PASSWORD_FILE: 'data/kafka.password' }, ['KAFKA_PASSWORD_FILE']],
    ['the mock in production', { NODE_ENV: 'production', GATEWAY_MOCK_PORT: '5555' }, ['GATEWAY_MOCK_PORT']],
    ['a certificate without its key', { TLS_CERT: 'a.crt' }, ['TLS_KEY']],
    ['a key without its certificate', { TLS_KEY: 'a.key' }, ['TLS_CERT']],
    ['one port for two listeners', { LISTEN_PORTS: '8001' }, ['MTLS_PORT']],
    ['the mock\'s mail in production', { NODE_ENV: 'production', GATEWAY_MOCK_SMTP_PORT: '2525' }, ['GATEWAY_MOCK_SMTP_PORT']],
    ['the mock\'s mail on a listener\'s port', { GATEWAY_MOCK_SMTP_PORT: '8001' }, ['GATEWAY_MOCK_SMTP_PORT']],
    ['the mock on a listener\'s port', { GATEWAY_MOCK_PORT: '8000' }, ['GATEWAY_MOCK_PORT']],
    ['a master key among the data', { MASTER_KEY_FILE: './data/master.key' }, ['MASTER_KEY_FILE']],
    ['secrets among the data', { SECRETS_DIR: 'data/secrets' }, ['SECRETS_DIR']],
    ['a password in an address', { GATEWAY_HTTP_URL: 'https://user:pw@example.com/' }, ['GATEWAY_HTTP_URL']],
    ['a scheme that is not HTTP', { GATEWAY_SMS_URL: 'file:///etc/passwd' }, ['GATEWAY_SMS_URL']],
    ['T11 a SECRET_KEY of 31 characters', { SECRET_KEY: 'dKx8Qp2Lm5Vn7Rt3Ws9Yb4Hc6Jf1Gz0' }, ['SECRET_KEY']],
    ["T11 a manual's SECRET_KEY", { SECRET_KEY: 'your-secret-key-here' }, ['SECRET_KEY']],
    ["T11 a manual's SECRET_KEY that is long enough", { SECRET_KEY: 'your-secure-key-at-least-32-chars' }, ['SECRET_KEY']],
    ['T11 a SECRET_KEY of one character, repeated', { SECRET_KEY: 'a'.repeat(64) }, ['SECRET_KEY']],
    ['T11 a SECRET_KEY of eight characters, repeated', { SECRET_KEY: '12345678'.repeat(8) }, ['SECRET_KEY']],
    ['an empty entry in a list', { LISTEN_PORTS: '8000,,3570' }, ['LISTEN_PORTS']],
  ])('refuses %s', (_what, env, names) => expect(faultsOf(env)).toEqual(names));

  it('is without mock and mock addresses in production', () => {
    expect(parse({ NODE_ENV: 'production' })).toMatchObject({ gatewayMockPort: 0, gatewayHttpUrl: null, gatewaySmsUrl: null, egressAllow: [] });
  });

  it('has defaults that fit their own forms', () => {
    for (const { form, fallback } of Object.values(SETTINGS)) if (fallback !== null) expect(form.parse(fallback)).toBeDefined();
  });
});
