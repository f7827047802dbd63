import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { ReadReq } from '@eventstore/db-client/generated/streams_pb.js';
import type { ServerWritableStream } from '@grpc/grpc-js';
import type { Node } from './node.js';
import { eventResponse, nameOf, streamIdentifier } from './recorded.js';
import { Reader } from './reader.js';
import { badRequest, refusalOf, streamDeleted } from './refusals.js';
import { selectionOf } from './selection.js';
import { follow } from './subscription.js';

/** Answers of Read are bytes: a record stands in the log as it is sent. */
export type ReadCall = ServerWritableStream<ReadReq, Buffer>;

/** Streams.Read: a page of a stream or of $all, or a subscription. */
export const readCall = (node: Node) => (call: ReadCall): void => {
  const options = call.request.getOptions();
  const denied = node.access(call.metadata);
  if (denied || !options) return void call.emit('error', denied ?? badRequest('Required field Options not set.'));
  const stream = nameOf(options.getStream()?.getStreamIdentifier());
  const fault = node.faults.take(options.hasSubscription() ? 'subscribe' : 'read', stream);
  const reader = new Reader(call, node, fault?.fault === 'cut' ? fault.after ?? 0 : Infinity);
  const perform = (): void => {
    if (options.hasSubscription()) return follow(node, reader, options);
    if (node.log.stream(stream)?.tombstoned) return void call.emit('error', streamDeleted(stream));
    const selection = selectionOf(node.log, options);
    if (selection === null) {
      reader.send(notFound(stream));
      return reader.end();
    }
    void reader.sendAll(selection, (entry) => eventResponse(node.log.recordOf(entry), node.log.positionOf(entry))).then(() => reader.end());
  };
  switch (fault?.fault) {
    case undefined:
    case 'cut': return perform();
    case 'hang': return;
    case 'slow': return node.after(fault.ms, perform);
    default: return void call.emit('error', refusalOf(fault!));
  }
};

function notFound(stream: string): Buffer {
  const missing = new streams.ReadResp.StreamNotFound();
  missing.setStreamIdentifier(streamIdentifier(stream));
  const response = new streams.ReadResp();
  response.setStreamNotFound(missing);
  return Buffer.from(response.serializeBinary());
}
