import { describe, expect, it } from '@jest/globals';
import { openKafka } from './kafka.js';

const sasl = { mechanism: 'plain' as const, username: 'house', password: 'canary-word' };

describe('the line to Kafka', () => {
  it.each([['kafka.example:9092'], ['10.0.0.1:9092'], ['[2001:db8::1]:9092'], ['127.0.0.1.example:9092'], ['localhost:9092,kafka.example:9092']])('refuses a password for %s without TLS, and does not say it', (brokers) => {
    const refused = (): unknown => openKafka({ brokers: brokers.split(','), sasl });
    expect(refused).toThrow(/without TLS/);
    expect(refused).not.toThrow(/canary-word/);
  });

  it.each([['127.0.0.1:9092'], ['localhost:9092'], ['[::1]:9092']])('takes one for %s', (broker) => expect(() => openKafka({ brokers: [broker], sasl })).not.toThrow());
  it('takes one with TLS', () => expect(() => openKafka({ brokers: ['kafka.example:9093'], tls: true, sasl })).not.toThrow());
  it.each([[''], ['kafka'], ['kafka.example:9092/x'], ['http://kafka.example:9092']])('refuses %j as a broker', (broker) => expect(() => openKafka({ brokers: [broker] })).toThrow(/not host:port/));
  it('refuses no brokers', () => expect(() => openKafka({ brokers: [] })).toThrow(/no Kafka brokers/));
});
