import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kafkaConnection } from './settings.js';

const PLAIN = { kafkaTls: 'false', kafkaTlsCa: null, kafkaUsername: null, kafkaPasswordFile: null, kafkaMechanism: 'scram-sha-512' } as const;

describe('the settings of Kafka', () => {
  let folder: string;
  const file = (text: string): string => { const at = join(folder, 'file'); writeFileSync(at, text); return at; };
  beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'heliograph-')); });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('without any, it is neither TLS nor a password', () => {
    expect(kafkaConnection(PLAIN, 'a:1,b:2')).toEqual({ brokers: ['a:1', 'b:2'] });
  });

  it('TLS is with the authorities of the system, or one of one\'s own', () => {
    expect(kafkaConnection({ ...PLAIN, kafkaTls: 'true' }, 'a:1')).toEqual({ brokers: ['a:1'], tls: true });
    expect(kafkaConnection({ ...PLAIN, kafkaTls: 'true', kafkaTlsCa: file('PEM') }, 'a:1').tls).toEqual({ ca: 'PEM' });
  });

  it('the password is the file\'s, without the line break at its end', () => {
    expect(kafkaConnection({ ...PLAIN, kafkaUsername: 'house', kafkaPasswordFile: file('s3cret \n') }, 'a:1').sasl).toEqual({ mechanism: 'scram-sha-512', username: 'house', password: 's3cret ' });
  });

  it('a file that is missing or empty is named with its setting', () => {
    expect(() => kafkaConnection({ ...PLAIN, kafkaUsername: 'house', kafkaPasswordFile: join(folder, 'none') }, 'a:1')).toThrow(/KAFKA_PASSWORD_FILE names .*none, which cannot be read \(ENOENT\)/);
    expect(() => kafkaConnection({ ...PLAIN, kafkaTls: 'true', kafkaTlsCa: file('\n') }, 'a:1')).toThrow(/KAFKA_TLS_CA names .*, which is empty/);
  });
});
