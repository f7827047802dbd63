/** The one table of settings. docs/configuration.md and .env.example are made from it. */
import { brokers, choice, e164, eventStoreUrl, host, hostPorts, hosts, httpUrl, integer, mongoUrl, name, password, path, port, ports, proxies, secretKey, word, type Form } from './form.js';

export interface Setting<T> {
  /** the environment variable */
  readonly name: string;
  readonly form: Form<unknown>;
  /** the default, in the same form; null: none, or worked out from other settings */
  readonly fallback: string | null;
  /** the default as the page shows it */
  readonly shown: string;
  readonly meaning: string;
  /** carries the type only */
  readonly value?: T;
}

const given = <T>(name: string, form: Form<T>, fallback: string, meaning: string): Setting<T> =>
  ({ name, form, fallback, shown: fallback, meaning });
const open = <T>(name: string, form: Form<T>, shown: string, meaning: string): Setting<T | null> =>
  ({ name, form, fallback: null, shown, meaning });

export const SETTINGS = {
  environment: given('NODE_ENV', choice('development', 'production', 'test'), 'development',
    'In production nothing is made silently: a missing key or certificate ends the start, and the error names the command that makes it. The gateway mock is off.'),
  engines: given('ENGINES', choice('embedded', 'cluster'), 'embedded',
    'What keeps the data. `embedded`: one process on SQLite files in DATA_DIR. `cluster`: EventStoreDB, MongoDB and Kafka, and as many processes of each part as wanted.'),
  eventstoreUrl: open('EVENTSTORE_URL', eventStoreUrl, 'none', 'With ENGINES=cluster: the connection string of EventStoreDB, such as `esdb://eventstore:2113?tls=true`. A password in it needs TLS, off this host.'),
  mongodbUrl: open('MONGODB_URL', mongoUrl, 'none', 'With ENGINES=cluster: the connection string of MongoDB. The databases `{CLUSTER_NAME}-views`, `{CLUSTER_NAME}-keys` and `{CLUSTER_NAME}-shared` are made there.'),
  kafkaBrokers: open('KAFKA_BROKERS', brokers, 'none', 'With ENGINES=cluster: brokers of Kafka, `host:port` with commas between them.'),

  kafkaReplicas: given('KAFKA_REPLICAS', integer(1, 9), '1', 'Copies of what is in Kafka; a put is acknowledged by all but one of them. 3 in production.'),
  kafkaTls: given('KAFKA_TLS', choice('true', 'false'), 'false', 'With ENGINES=cluster: `true` speaks TLS with the brokers, and checks their certificates.'),
  kafkaTlsCa: open('KAFKA_TLS_CA', path, 'the authorities of the system', 'Certificate (PEM file) of the authority that signed the brokers\' certificates. Only with KAFKA_TLS=true.'),
  kafkaUsername: open('KAFKA_USERNAME', word, 'none', 'The user that Kafka knows this house by. Only together with KAFKA_PASSWORD_FILE.'),
  kafkaPasswordFile: open('KAFKA_PASSWORD_FILE', path, 'none', 'File with the password of KAFKA_USERNAME; a line break at its end does not count. To other hosts a password goes only with KAFKA_TLS=true.'),
  kafkaMechanism: given('KAFKA_MECHANISM', choice('plain', 'scram-sha-256', 'scram-sha-512'), 'scram-sha-512', 'How the password is proved to the brokers (SASL).'),
  clusterName: given('CLUSTER_NAME', name, 'heliograph', 'With ENGINES=cluster: begins the names of streams, databases and topics, so that two houses on the same servers do not meet.'),

  listenHost: given('LISTEN_HOST', host, '127.0.0.1', 'The address that all listeners bind to. `0.0.0.0` or `::` opens them to the network.'),
  listenPorts: given('LISTEN_PORTS', ports, '8000', 'Ports of the HTTP listener, all with the same content. `0` takes any free port.'),
  mtlsPort: given('MTLS_PORT', port, '8001', 'Port of the mutual-TLS listener, where a client certificate signs in. `0` = off.'),
  publicHosts: open('PUBLIC_HOSTS', hosts, 'localhost, 127.0.0.1, ::1 and LISTEN_HOST',
    'Names of this server: they stand in its own certificate, and no outbound call goes to them at its own ports.'),
  tlsCert: open('TLS_CERT', path, 'none', 'Certificate chain (PEM file) for the HTTP listener, which then speaks TLS. Only together with TLS_KEY.'),
  tlsKey: open('TLS_KEY', path, 'none', 'Private key (PEM file) to TLS_CERT.'),
  trustedProxies: open('TRUSTED_PROXIES', proxies, 'none', 'Reverse proxies of your own, by address: only what these say of whom they speak for (`X-Forwarded-For`, `X-Forwarded-Proto`) is believed.'),
  bodyLimitBytes: given('BODY_LIMIT_BYTES', integer(1024, 16_777_216), '262144', 'A request body over this is answered 413.'),
  websocketEnabled: given('WEBSOCKET_ENABLED', choice('true', 'false'), 'true', '`false` closes the WebSocket: `/ws` is answered 404.'),
  shutdownSeconds: given('SHUTDOWN_SECONDS', integer(1, 600), '30', 'After SIGTERM, open requests and running attempts have this long to end.'),

  dataDir: given('DATA_DIR', path, './data', 'The folder of the log, the keys and the views. One process holds it at a time.'),
  secretsDir: given('SECRETS_DIR', path, './secrets', 'The folder of the master key, the certificate authority and the certificates. Outside DATA_DIR.'),
  masterKeyFile: open('MASTER_KEY_FILE', path, 'SECRETS_DIR/master.key', 'The key that wraps all keys (32 bytes, mode 0600). Outside DATA_DIR, so that a copy of the data alone opens nothing.'),
  secretKey: open('SECRET_KEY', secretKey, 'none: the keys of SECRETS_DIR alone',
    'Takes part in what sign-ins are signed with, beside the keys of SECRETS_DIR. The same in every process of a house; another one ends all sessions. Alone it opens nothing, as neighbours of a process can read its environment: the keys of SECRETS_DIR are needed in any case, and enough.'),

  adminPassword: open('ADMIN_PASSWORD', password, 'random, printed once',
    'The password of the first administrator, SMSadmin, who is made at the first start: upper-case and lower-case letters and a digit. Not looked at afterwards: take it out then, and change it, for neighbours of a process can read its environment. One that was generated must be changed at the first sign-in.'),

  rateLimitMinute: given('RATE_LIMIT_MINUTE', integer(1, 100_000_000), '60', 'Requests per minute and principal, or address where nobody is signed in.'),
  rateLimitHour: given('RATE_LIMIT_HOUR', integer(1, 1_000_000_000), '1000', 'Requests per hour and principal, or address.'),
  rateLimitCertificateMinute: given('RATE_LIMIT_CERTIFICATE_MINUTE', integer(1, 100_000_000), '6000', 'Requests per minute and client certificate, in place of the two above.'),

  gatewayMockPort: open('GATEWAY_MOCK_PORT', port, '5555, in production 0', 'Port of the gateway mock, which stands in for the gateways. `0` = off; in production nothing else is taken.'),
  gatewayMockSmtpPort: open('GATEWAY_MOCK_SMTP_PORT', port, '2525 while the mock is on', 'Port where the gateway mock takes mail, which its page shows. `0` = off. Mails go there while the settings name no mail server.'),
  gatewayHttpUrl: open('GATEWAY_HTTP_URL', httpUrl, 'the mock, when it is on', 'Address of the gateway `http` (a JSON POST for each message). Without one, the channel http has no gateway.'),
  gatewaySmsUrl: open('GATEWAY_SMS_URL', httpUrl, 'the mock, when it is on', 'Address of the gateway `sms` (`gateway.jsp`). Without one, the channel sms has no gateway.'),
  gatewayRate: given('GATEWAY_RATE', integer(1, 100_000), '10000', 'Calls per second that each of these two gateways is given.'),
  gatewayConcurrency: given('GATEWAY_CONCURRENCY', integer(1, 1_024), '256', 'Calls at once that each of these two gateways is given.'),
  gatewaysFile: open('GATEWAYS_FILE', path, 'none', 'JSON file with a list of gateways (name, channel, kind, url, rate, concurrency, deadline, retry policy, …); one of the same name replaces the one made from the settings above.'),
  smsApplicationId: given('SMS_APPLICATION_ID', word, 'heliograph', 'The application id that gateway `sms` sends along.'),
  smsSenderNumber: given('SMS_SENDER_NUMBER', e164, '+15550000000', 'The number that gateway `sms` sends from.'),
  workerConcurrency: given('WORKER_CONCURRENCY', integer(1, 10_000), '256', 'Attempts that the worker performs at once, over all gateways.'),
  egressAllow: open('EGRESS_ALLOW', hostPorts, 'none; with the mock on, its own address', 'Loopback and private addresses that outbound calls may reach all the same. The mock\'s own is added while it is on.'),

  logLevel: given('LOG_LEVEL', choice('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'), 'info', 'How much is logged.'),
  otlpEndpoint: open('OTEL_EXPORTER_OTLP_ENDPOINT', httpUrl, 'none', 'Where traces go, over OTLP/HTTP. Without it none are recorded.'),
} as const;

type Table = typeof SETTINGS;
/** What the table's types say; the parser fills in what is worked out from other settings. */
export type Given = { readonly [K in keyof Table]: Table[K] extends Setting<infer T> ? T : never };
