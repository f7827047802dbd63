import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type ISocketFactoryArgs, Kafka, logLevel, type SASLOptions } from 'kafkajs';
import './request-queue.js';

export interface KafkaConnection {
  /** `host:port` of some of the cluster's brokers */
  brokers: readonly string[];
  /** TLS: true for the system's authorities, or PEM texts */
  tls?: boolean | { ca?: string; cert?: string; key?: string };
  sasl?: { mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; username: string; password: string };
  /** by what the brokers' logs call this process */
  clientId?: string;
}

/** a frozen broker or a line that is cut without a word is noticed after this */
const REQUEST_MS = 5_000;
const CONNECT_MS = 3_000;
const KEEP_ALIVE_MS = 60_000;
/** of kafkajs's own; beyond them the engine begins anew with a new client */
export const RETRY = { initialRetryTime: 100, maxRetryTime: 1_000, retries: 4 };
/** a broker that is back within about ten seconds finds the same member of the group, and nobody waits for one that is gone */
export const PATIENT_RETRY = { ...RETRY, retries: 12 };

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
const hostOf = (broker: string): string => broker.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
const refusal = (host: string): Error => new Error(`a password for Kafka would go to ${host} without TLS: set TLS, or leave the password out`);

/** @throws Error when it is not usable, or when a password would leave this host without TLS */
export function connection({ brokers, tls, sasl, clientId = 'heliograph' }: KafkaConnection, retry = RETRY): Kafka {
  if (brokers.length === 0) throw new Error('no Kafka brokers are named');
  for (const broker of brokers) if (!/^(\[[0-9a-f:]+\]|[\w.-]+):\d{1,5}$/i.test(broker)) throw new Error(`${broker} is not host:port of a Kafka broker`);
  const plainPassword = sasl !== undefined && !tls;
  for (const host of brokers.map(hostOf)) if (plainPassword && !isLoopback(host)) throw refusal(host);
  return new Kafka({
    brokers: [...brokers],
    clientId,
    ...(tls ? { ssl: tls } : {}),
    // a copy of just these: kafkajs writes a function that holds the password into the object, which would outlive a change of it
    ...(sasl ? { sasl: { mechanism: sasl.mechanism, username: sasl.username, password: sasl.password } as SASLOptions } : {}),
    // the brokers say themselves where the others are, so that the host is looked at again at each connection
    socketFactory: ({ host, port, ssl, onConnect }: ISocketFactoryArgs): Socket => {
      if (plainPassword && !isLoopback(host)) throw refusal(host);
      const socket = ssl ? connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...ssl }, onConnect) : connectPlain({ host, port }, onConnect);
      return socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
    },
    connectionTimeout: CONNECT_MS,
    authenticationTimeout: REQUEST_MS,
    requestTimeout: REQUEST_MS,
    retry,
    logLevel: logLevel.NOTHING, // what is wrong is told by failing()
  });
}
