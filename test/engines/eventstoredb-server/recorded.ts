import streams from '@eventstore/db-client/generated/streams_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';

/** An event as it was sent. */
export interface Proposed {
  id: string;
  type: string;
  contentType: string;
  data: Uint8Array;
  metadata: Uint8Array;
}

/** What the index keeps of a record. */
export interface RecordHead { id: string; stream: string; type: string; revision: bigint; data: Uint8Array }

const Recorded = streams.ReadResp.ReadEvent.RecordedEvent;
const text = new TextDecoder();

/** The record as it stands in the log, which is the message in which it is read. */
export function encodeRecord(event: Proposed, stream: string, revision: bigint, position: number, at: number): Uint8Array {
  const recorded = new Recorded();
  recorded.setId(uuid(event.id));
  recorded.setStreamIdentifier(streamIdentifier(stream));
  recorded.setStreamRevision(String(revision));
  recorded.setPreparePosition(String(position));
  recorded.setCommitPosition(String(position));
  const map = recorded.getMetadataMap();
  map.set('type', event.type);
  map.set('content-type', event.contentType);
  map.set('created', `${at}0000`); // ticks of 100 ns
  recorded.setCustomMetadata(event.metadata);
  recorded.setData(event.data);
  return recorded.serializeBinary();
}

export function decodeRecord(bytes: Uint8Array): RecordHead {
  const recorded = Recorded.deserializeBinary(bytes);
  return {
    id: recorded.getId()?.getString() ?? '',
    stream: text.decode(recorded.getStreamIdentifier()?.getStreamName_asU8()),
    type: recorded.getMetadataMap().get('type') ?? '',
    revision: BigInt(recorded.getStreamRevision()),
    data: recorded.getData_asU8(),
  };
}

export function uuid(id: string): InstanceType<typeof shared.UUID> {
  const message = new shared.UUID();
  message.setString(id);
  return message;
}

export function streamIdentifier(name: string): InstanceType<typeof shared.StreamIdentifier> {
  const message = new shared.StreamIdentifier();
  message.setStreamName(Buffer.from(name, 'utf8'));
  return message;
}

export const nameOf = (identifier: InstanceType<typeof shared.StreamIdentifier> | undefined): string => text.decode(identifier?.getStreamName_asU8());

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The id as the server keeps it. @throws Error for what is none */
export function idOf(id: InstanceType<typeof shared.UUID> | undefined): string {
  const value = id?.hasString() ? id.getString() : structured(id);
  if (!UUID.test(value)) throw new Error(`"${value}" is not a UUID`);
  return value.toLowerCase();
}

function structured(id: InstanceType<typeof shared.UUID> | undefined): string {
  const bits = id?.getStructured();
  if (!bits) return '';
  const hex = [bits.getMostSignificantBits(), bits.getLeastSignificantBits()].map((b) => BigInt.asUintN(64, BigInt(b)).toString(16).padStart(16, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** A ReadResp with one event, around a record that is encoded already. */
export function eventResponse(record: Uint8Array, position: number): Buffer {
  const commit = varint(position);
  const recordLength = varint(record.length);
  const eventLength = 1 + recordLength.length + record.length + 1 + commit.length;
  const outer = varint(eventLength);
  const bytes = Buffer.allocUnsafe(1 + outer.length + eventLength);
  let at = 0;
  bytes[at++] = (1 << 3) | 2; // ReadResp.event
  at += put(bytes, outer, at);
  bytes[at++] = (1 << 3) | 2; // ReadEvent.event
  at += put(bytes, recordLength, at);
  bytes.set(record, at);
  at += record.length;
  bytes[at++] = 3 << 3; // ReadEvent.commit_position
  put(bytes, commit, at);
  return bytes;
}

function put(into: Buffer, from: readonly number[], at: number): number {
  for (let i = 0; i < from.length; i++) into[at + i] = from[i]!;
  return from.length;
}

function varint(n: number): number[] {
  const bytes: number[] = [];
  while (n > 127) {
    bytes.push((n % 128) | 128);
    n = Math.floor(n / 128);
  }
  bytes.push(n);
  return bytes;
}
