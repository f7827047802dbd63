/**
 * What the bare drivers get out of the cluster's servers, in a process of its own: `append URL SECONDS`, `upsert URL SECONDS`, `produce URL SECONDS`.
 * Prints one line: {"rate": per second, "bytes": of each}.
 */
import { randomUUID } from 'node:crypto';
import { BACKWARDS, END, EventStoreDBClient, NO_STREAM, type BinaryEventData } from '@eventstore/db-client';
import { Kafka, logLevel } from 'kafkajs';
import { MongoClient } from 'mongodb';
import { CONNECTIONS } from './ceilings.js';

interface Measured { rate: number; bytes: number }
const ROWS = 500;
const WARM_MS = 500;
/** Of an event and a row, where there is none yet to take the measure of. */
const USUAL = { data: 700, metadata: 500, row: 450, record: 120 };
const run = randomUUID().slice(0, 8);

/** So many at a time, one after the other each, for so long after the warming. */
async function rateOf(seconds: number, atOnce: number, once: (n: number) => Promise<number>): Promise<number> {
  let n = 0, counted = 0;
  const began = performance.now() + WARM_MS, end = began + seconds * 1000;
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (performance.now() < end) {
      const done = await once(n++);
      const now = performance.now();
      if (now >= began && now < end) counted += done;
    }
  }));
  return counted / seconds;
}

/** One event as large as the last accepted message, to a new stream each. */
async function append(url: string, seconds: number): Promise<Measured> {
  const client = EventStoreDBClient.connectionString(url);
  let [data, metadata] = [USUAL.data, USUAL.metadata];
  for await (const { event } of client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 500 })) {
    if (!event?.streamId.includes('message-') || event.revision !== 0n) continue;
    [data, metadata] = [(event.data as Uint8Array).length, JSON.stringify(event.metadata).length];
    break;
  }
  const [bytes, more] = [new Uint8Array(data).fill(120), new Uint8Array(metadata).fill(120)];
  const rate = await rateOf(seconds, CONNECTIONS, async (n) => {
    const event: BinaryEventData = { id: randomUUID(), type: 'Bare', contentType: 'application/octet-stream', data: bytes, metadata: more };
    await client.appendToStream(`bare-${run}-${n}`, [event], { expectedRevision: NO_STREAM });
    return 1;
  });
  await client.dispose();
  return { rate, bytes: data + metadata };
}

/** 500 new rows in a command, one command after the other, into a collection without indexes of its own. */
async function upsert(url: string, seconds: number): Promise<Measured> {
  const client = new MongoClient(url);
  const rows = client.db('bare').collection<{ _id: string; row: string }>(`rows-${run}`);
  const row = 'x'.repeat(USUAL.row);
  const rate = await rateOf(seconds, 1, async (n) => {
    await rows.bulkWrite(Array.from({ length: ROWS }, (_, i) => ({ updateOne: { filter: { _id: `${n}-${i}` }, update: { $set: { row } }, upsert: true } })), { ordered: false });
    return ROWS;
  });
  await client.close();
  return { rate, bytes: USUAL.row };
}

/** Records of one job each, as many under way as there are connections, acknowledged by all replicas. */
async function produce(url: string, seconds: number): Promise<Measured> {
  const kafka = new Kafka({ brokers: url.split(','), logLevel: logLevel.ERROR }), topic = `bare-${run}`;
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 12, replicationFactor: 1 }], waitForLeaders: true });
  await admin.disconnect();
  const producer = kafka.producer({ idempotent: true, allowAutoTopicCreation: false });
  await producer.connect();
  const value = Buffer.alloc(USUAL.record, 'x');
  const rate = await rateOf(seconds, CONNECTIONS, async (n) => {
    await producer.send({ topic, acks: -1, messages: [{ key: `message-${n}`, value }] });
    return 1;
  });
  await producer.disconnect();
  return { rate, bytes: USUAL.record };
}

const KINDS: Record<string, (url: string, seconds: number) => Promise<Measured>> = { append, upsert, produce };
const [kind = '', url = '', seconds = ''] = process.argv.slice(2);
console.log(JSON.stringify(await KINDS[kind]!(url, Number(seconds))));
process.exit(0); // the drivers keep lines open for a while
