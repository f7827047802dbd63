import type { AppendReq, BatchAppendReq, DeleteReq, TombstoneReq } from '@eventstore/db-client/generated/streams_pb.js';
import type { Expected } from './expected-revision.js';
import { idOf, type Proposed } from './recorded.js';

/** @throws Error that says what is missing */
export function proposedOf(message: AppendReq.ProposedMessage | BatchAppendReq.ProposedMessage): Proposed {
  const map = message.getMetadataMap();
  const type = map.get('type');
  const contentType = map.get('content-type');
  if (type === undefined) throw new Error("Required Metadata Property 'type' is missing");
  if (contentType === undefined) throw new Error("Required Metadata Property 'content-type' is missing");
  return { id: idOf(message.getId()), type, contentType, data: message.getData_asU8(), metadata: message.getCustomMetadata_asU8() };
}

interface Words { hasNoStream(): boolean; hasStreamExists(): boolean }

export function expectedOf(options: AppendReq.Options | DeleteReq.Options | TombstoneReq.Options): Expected {
  return options.hasRevision() ? BigInt(options.getRevision()) : wordOf(options);
}

export function expectedOfBatch(options: BatchAppendReq.Options): Expected {
  return options.hasStreamPosition() ? BigInt(options.getStreamPosition()) : wordOf(options);
}

const wordOf = (options: Words): Expected => (options.hasNoStream() ? 'no_stream' : options.hasStreamExists() ? 'stream_exists' : 'any');
