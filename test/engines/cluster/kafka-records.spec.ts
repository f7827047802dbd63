import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { zstdCompressSync } from 'node:zlib';
import { CompressionCodecs, CompressionTypes, ConfigResourceTypes, type Message } from 'kafkajs';
import type { KafkaEngine } from '#libs/engines/kafka/kafka';
import { until } from '../../bench/ground.js';
import { type Bare, bare, brokers, committed, engineAt, held, inKafka, jobOf, newTopic, taker, type Taker } from './kafka-ground.js';

let engine: KafkaEngine;
let foreign: Bare;
let topic: string;
let took: Taker;

beforeEach(async () => {
  engine = engineAt(brokers(), { partitions: 1 }); // one partition: what is behind a foreign record is behind it
  foreign = await bare();
  topic = newTopic();
  const first = jobOf(topic);
  await engine.workQueue.put([first]);
  took = taker(engine, topic);
  await took.has([first.id]);
});
afterEach(async () => { await took?.stop(); await engine?.close(); await foreign?.close(); });

const write = (...messages: Message[]): Promise<unknown> => foreign.producer.send({ topic: inKafka(topic), messages });
const text = (over: object): string => JSON.stringify({ v: 1, stream: 'message-x', id: 'x/1', lane: 'sms', ...over });
/** The partition goes on: a job put now is handed over, and all is committed. */
async function goesOn(): Promise<void> {
  const last = jobOf(topic);
  await engine.workQueue.put([last]);
  await took.has([last.id]);
  await until('all is committed', async () => (await committed(foreign, topic)) === (await held(foreign, topic)), { boundMs: 30_000 });
}
async function parkedRecords(count: number): Promise<Message[]> {
  const consumer = foreign.kafka.consumer({ groupId: `reader-${topic}`, maxWaitTimeInMs: 100 });
  const found: Message[] = [];
  await consumer.connect();
  await consumer.subscribe({ topic: `${inKafka(topic)}.parked`, fromBeginning: true });
  await consumer.run({ eachMessage: ({ message }) => { found.push(message); return Promise.resolve(); } });
  try { await until(`${count} parked`, () => Promise.resolve(found.length >= count), { boundMs: 30_000 }); } finally { await consumer.disconnect(); }
  return found;
}

describe('foreign records on the topic of jobs', () => {
  it('that hold no job are parked with their reason and counted, and the partition goes on', async () => {
    const before = took.jobs.length;
    await write(
      { key: 'message-x', value: 'not JSON' },
      { key: 'message-x', value: null },
      { key: '__proto__', value: text({}) },
      { key: null, value: text({}) },
      { key: 'message-x', value: text({ owner: 'admin' }) },
      { key: 'message-x', value: '{"v":1,"stream":"message-x","id":"x/1","lane":"sms","__proto__":{"role":"admin"}}' },
      { key: 'message-x', value: text({ v: 0 }) },
      { key: 'message-x', value: text({ lane: 'l'.repeat(100_000) }), headers: { reason: 'forged' } },
    );
    await goesOn();
    expect(engine.parked()).toBe(8);
    expect(took.jobs).toHaveLength(before + 1);
    expect(({} as Record<string, unknown>)['role']).toBeUndefined();
    const records = await parkedRecords(8);
    expect(records.map((r) => String(r.headers!['reason']).replace(/^\d+ bytes/, 'many bytes')).toSorted()).toEqual(
      ['many bytes, over 4096', 'no value', 'not JSON', 'not as it is written here', 'not as it is written here', 'not version 1', 'the key is not the stream', 'the key is not the stream'].toSorted());
    for (const r of records) expect(r.value!.length).toBeLessThanOrEqual(16_384);
  });

  it('that look like jobs are handed over as any hint: doubled while it waits once, in the order in which they lie', async () => {
    await took.stop();
    const [a, b] = [text({ id: 'a' }), text({ id: 'b' })];
    await write({ key: 'message-x', value: b }, { key: 'message-x', value: a }, { key: 'message-x', value: b }, { key: 'message-x', value: a });
    took = taker(engine, topic);
    await took.has(['a', 'b']);
    await goesOn();
    expect(took.jobs.map((j) => j.id).slice(0, 2)).toEqual(['b', 'a']);
    expect(took.jobs.filter((j) => j.stream === 'message-x')).toHaveLength(2);
    expect(engine.parked()).toBe(0);
  });

  it('of 10 MB are refused by the topic\'s settings, and parked where those were loosened', async () => {
    const large = { key: 'message-x', value: Buffer.alloc(10_000_000, 'x') };
    await expect(write(large)).rejects.toThrow(/larger than the max/);
    await foreign.admin.alterConfigs({ validateOnly: false, resources: [{ type: ConfigResourceTypes.TOPIC, name: inKafka(topic), configEntries: [{ name: 'max.message.bytes', value: '20000000' }] }] });
    await until('the broker takes it', () => write(large).then(() => true, () => false), { boundMs: 20_000 });
    await goesOn();
    expect(engine.parked()).toBe(1);
  });

  it('packed in a way that the client cannot open are unpacked by the broker, and parked', async () => {
    CompressionCodecs[CompressionTypes.ZSTD] = () => ({
      compress: (encoder: { buffer: Buffer }) => Promise.resolve(zstdCompressSync(encoder.buffer)),
      decompress: () => Promise.reject(new Error('not here')),
    });
    await foreign.producer.send({ topic: inKafka(topic), compression: CompressionTypes.ZSTD, messages: [{ key: 'k', value: 'packed '.repeat(100) }] });
    await goesOn();
    expect(engine.parked()).toBe(1);
    expect(await engine.failing()).toEqual([]);
  });

  it('of a transaction that is left open hold nobody up', async () => {
    const producer = foreign.kafka.producer({ transactionalId: `t-${topic}`, maxInFlightRequests: 1, idempotent: true });
    await producer.connect();
    const transaction = await producer.transaction();
    await transaction.send({ topic: inKafka(topic), messages: [{ key: 'k', value: 'open' }] });
    try {
      const last = jobOf(topic);
      await engine.workQueue.put([last]);
      await took.has([last.id]);
      await until('all three are committed', async () => (await committed(foreign, topic)) === 3, { boundMs: 30_000 });
      await transaction.abort();
      const after = jobOf(topic);
      await engine.workQueue.put([after]);
      await took.has([after.id]);
    } finally { await producer.disconnect(); }
  });
});

describe('what is put', () => {
  // the client refuses to be idempotent with anything but acks=all, so this holds both
  it('is of an idempotent producer: each record tells its number', async () => {
    await write({ key: 'k', value: 'of a plain one' });
    await goesOn();
    const consumer = foreign.kafka.consumer({ groupId: `reader-${topic}`, maxWaitTimeInMs: 100 });
    const numbers: string[] = [];
    await consumer.connect();
    await consumer.subscribe({ topic: inKafka(topic), fromBeginning: true });
    await consumer.run({ eachMessage: ({ message }) => { numbers.push((message as unknown as { batchContext: { producerId: string } }).batchContext.producerId); return Promise.resolve(); } });
    try { await until('all three are read', () => Promise.resolve(numbers.length >= 3), { boundMs: 30_000 }); } finally { await consumer.disconnect(); }
    expect(numbers).toEqual([expect.stringMatching(/^\d+$/), '-1', numbers[0]]);
  });
});

describe('topics', () => {
  it('are made with their settings, the one for parked records beside', async () => {
    const { resources } = await foreign.admin.describeConfigs({ includeSynonyms: false, resources: [inKafka(topic), `${inKafka(topic)}.parked`].map((name) => ({ type: ConfigResourceTypes.TOPIC, name })) });
    const settings = resources.map((r) => Object.fromEntries(r.configEntries.map((e) => [e.configName, e.configValue])));
    for (const s of settings) expect(s).toMatchObject({ 'min.insync.replicas': '1', 'cleanup.policy': 'delete', 'compression.type': 'uncompressed', 'message.timestamp.type': 'LogAppendTime', 'max.message.bytes': '1048576' });
    expect(settings[0]).toMatchObject({ 'retention.ms': '86400000' });
    expect(settings[1]).toMatchObject({ 'retention.bytes': '67108864' });
    const { topics } = await foreign.admin.fetchTopicMetadata({ topics: [inKafka(topic)] });
    expect(topics[0]!.partitions).toHaveLength(1);
  });

  it('that the brokers cannot make as they are asked to: puts are refused as unavailable, and the reason is told', async () => {
    const three = engineAt(brokers(), { replicationFactor: 3, minInSyncReplicas: 2 });
    try {
      await expect(three.workQueue.put([jobOf(newTopic())])).rejects.toMatchObject({ name: 'Unavailable' });
      expect(await three.failing()).toEqual([{ part: 'work queue', reason: expect.stringMatching(/[Rr]eplication/) }]);
    } finally { await three.close(); }
  });
});
