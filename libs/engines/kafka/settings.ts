import { readFileSync } from 'node:fs';
import type { EngineSettings } from '../engine-set.js';
import type { KafkaConnection } from './connection.js';

type KafkaSettings = Pick<EngineSettings, 'kafkaTls' | 'kafkaTlsCa' | 'kafkaUsername' | 'kafkaPasswordFile' | 'kafkaMechanism'>;

/** @throws Error naming the setting whose file cannot be read, or is empty */
export function kafkaConnection(s: KafkaSettings, brokers: string): KafkaConnection {
  return {
    brokers: brokers.split(','),
    ...(s.kafkaTls === 'true' && { tls: s.kafkaTlsCa ? { ca: textOf('KAFKA_TLS_CA', s.kafkaTlsCa) } : true }),
    ...(s.kafkaUsername && s.kafkaPasswordFile && {
      sasl: { mechanism: s.kafkaMechanism ?? 'scram-sha-512', username: s.kafkaUsername, password: textOf('KAFKA_PASSWORD_FILE', s.kafkaPasswordFile) },
    }),
  };
}

function textOf(setting: string, file: string): string {
  let text: string;
  try { text = readFileSync(file, 'utf8'); } catch (error) { throw new Error(`${setting} names ${file}, which cannot be read (${(error as NodeJS.ErrnoException).code})`, { cause: error }); }
  const trimmed = text.replace(/\r?\n$/, '');
  if (trimmed === '') throw new Error(`${setting} names ${file}, which is empty`);
  return trimmed;
}
