import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type KafkaOptions } from '#libs/engines/kafka/kafka';
import { freePort } from '../../bench/ground.js';
import { selfSigned } from '../eventstoredb-server/certificate.fixture.js';
import { engineAt, jobOf, newTopic, taker } from './kafka-ground.js';
import { type OwnBroker, ownBroker } from './kafka-server.js';

const password = randomBytes(12).toString('hex');
let broker: OwnBroker;
let port: number;
let ca: string;

beforeAll(async () => {
  port = await freePort();
  broker = await ownBroker(async (folder) => {
    const own = join(folder, 'certificate');
    mkdirSync(own);
    const { cert, key } = await selfSigned(own);
    ca = readFileSync(cert, 'utf8');
    const store = join(own, 'store.pem');
    writeFileSync(store, readFileSync(key, 'utf8').trimEnd() + '\n' + ca, { mode: 0o600 });
    return { port, settings: {
      'listener.name.secure.ssl.keystore.type': 'PEM',
      'listener.name.secure.ssl.keystore.location': store,
      'sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.secure.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required user_house="${password}";`,
    } };
  });
  await broker.start();
}, 90_000);
afterAll(() => broker.remove());

const sasl = { mechanism: 'plain' as const, username: 'house', password };
const refusedWith = async (options: Partial<KafkaOptions>): Promise<string> => {
  const engine = engineAt([`127.0.0.1:${port}`], options);
  try {
    await expect(engine.workQueue.put([jobOf(newTopic())])).rejects.toMatchObject({ name: 'Unavailable' });
    return (await engine.failing()).map((f) => f.reason).join();
  } finally { await engine.close(); }
};

describe('TLS and passwords', () => {
  it('jobs go there and back', async () => {
    const engine = engineAt([`127.0.0.1:${port}`], { tls: { ca }, sasl });
    const job = jobOf(newTopic());
    await engine.workQueue.put([job]);
    const took = taker(engine, job.topic);
    await took.has([job.id]);
    await took.stop();
    await engine.close();
  });

  it('a broker with a certificate that nobody here vouches for is not spoken to', async () => {
    expect(await refusedWith({ tls: true, sasl })).toMatch(/self-signed certificate/);
  });

  it('a wrong password is told as such, without saying it', async () => {
    const reason = await refusedWith({ tls: { ca }, sasl: { ...sasl, password: 'canary-word' } });
    expect(reason).toMatch(/[Aa]uthentication/);
    expect(reason).not.toContain('canary-word');
  });
});
