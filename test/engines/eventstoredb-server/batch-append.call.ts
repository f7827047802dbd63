import streams from '@eventstore/db-client/generated/streams_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import statusPb from '@eventstore/db-client/generated/status_pb.js';
import type { Message } from 'google-protobuf';
import type { BatchAppendReq, BatchAppendResp } from '@eventstore/db-client/generated/streams_pb.js';
import { type ServerDuplexStream, status } from '@grpc/grpc-js';
import anyPb from 'google-protobuf/google/protobuf/any_pb.js';
import emptyPb from 'google-protobuf/google/protobuf/empty_pb.js';
import type { Outcome } from './event-log.js';
import type { Expected } from './expected-revision.js';
import { append, MAX_APPEND_BYTES, type Node, sizeOf } from './node.js';
import { expectedOfBatch, proposedOf } from './proposed.js';
import { nameOf, type Proposed, streamIdentifier } from './recorded.js';
import { refusalOf } from './refusals.js';

interface Pending { stream: string; expected: Expected; bytes: number; events: Proposed[]; correlation: InstanceType<typeof shared.UUID> }

/** Streams.BatchAppend: appends in any number over one call, each in one or more messages and answered when it is durable. */
export const batchAppendCall = (node: Node) => (call: ServerDuplexStream<BatchAppendReq, BatchAppendResp>): void => {
  const pending = new Map<string, Pending>();
  const denied = node.access(call.metadata);
  let open = 0;
  let ended = false;
  const send = ({ stream, correlation }: Pick<Pending, 'stream' | 'correlation'>, fill: (response: BatchAppendResp) => void): void => {
    const response = new streams.BatchAppendResp();
    response.setCorrelationId(correlation);
    response.setStreamIdentifier(streamIdentifier(stream));
    fill(response);
    if (!call.cancelled) call.write(response);
  };
  const settle = (): void => { if (--open === 0 && ended) call.end(); };

  call.on('data', (request: BatchAppendReq) => {
    const correlation = request.getCorrelationId();
    if (!correlation) return;
    const id = correlation.getString();
    const options = request.getOptions();
    if (options) {
      const there = { stream: nameOf(options.getStreamIdentifier()), expected: expectedOfBatch(options), bytes: 0, events: [], correlation };
      const deadline = options.getDeadline()?.toDate().getTime() ?? Infinity;
      if (denied) return send(there, denied.code === status.UNAUTHENTICATED ? notAuthenticated : accessDenied);
      if (deadline <= node.now()) return send(there, timeout);
      pending.set(id, there);
    }
    const entry = pending.get(id);
    if (!entry) return; // a further part of one that was refused
    try {
      for (const message of request.getProposedMessagesList()) {
        const event = proposedOf(message);
        entry.bytes += sizeOf(event);
        entry.events.push(event);
      }
    } catch (error) {
      pending.delete(id);
      return send(entry, failure(status.INVALID_ARGUMENT, (error as Error).message, BAD_REQUEST, badRequest((error as Error).message)));
    }
    if (entry.bytes > MAX_APPEND_BYTES) {
      pending.delete(id);
      return send(entry, tooLarge);
    }
    if (!request.getIsFinal()) return;
    pending.delete(id);
    open++;
    append(node, entry, {
      peer: call.getPeer(),
      refuse: (fault) => {
        settle();
        // EventStoreDB ends the whole call for these: every append on it fails, whoever sent it
        if (fault.fault !== 'busy') return void call.emit('error', refusalOf(fault));
        send(entry, fault.as === 'timeout' ? timeout : failure(status.OK, fault.as === 'not-ready' ? 'Server Is Not Ready' : 'Server Is Busy', EMPTY, new emptyPb.Empty()));
      },
      answer: (outcome) => {
        send(entry, (response) => fill(response, outcome, entry));
        settle();
      },
    });
  });
  call.on('end', () => {
    ended = true;
    if (open === 0) call.end();
  });
  call.on('error', () => undefined); // the caller is gone; what was sent is done all the same
};

function fill(response: BatchAppendResp, outcome: Outcome, { stream, expected }: Pending): void {
  if (outcome.kind === 'wrong') return wrongVersion(outcome.current, expected)(response);
  if (outcome.kind === 'deleted') return streamDeleted(stream)(response);
  const success = new streams.BatchAppendResp.Success();
  if (outcome.revision === null) success.setNoStream(new emptyPb.Empty());
  else success.setCurrentRevision(String(outcome.revision));
  if (outcome.position === null) success.setNoPosition(new emptyPb.Empty());
  else {
    const position = new shared.AllStreamPosition();
    position.setCommitPosition(String(outcome.position));
    position.setPreparePosition(String(outcome.position));
    success.setPosition(position);
  }
  response.setSuccess(success);
}

const EMPTY = 'google.protobuf.Empty';
const BAD_REQUEST = 'event_store.client.BadRequest';

type Fill = (response: BatchAppendResp) => void;

function failure(code: number, message: string, type: string, details: Message): Fill {
  return (response) => {
    const any = new anyPb.Any();
    any.pack(details.serializeBinary(), type);
    const error = new statusPb.Status();
    error.setCode(code);
    error.setMessage(message);
    error.setDetails(any);
    response.setError(error);
  };
}

const accessDenied = failure(status.PERMISSION_DENIED, 'Access Denied', 'event_store.client.AccessDenied', new shared.AccessDenied());
const notAuthenticated = failure(status.UNAUTHENTICATED, 'Bad credentials', 'event_store.client.AccessDenied', new shared.AccessDenied());
const timeout = failure(status.DEADLINE_EXCEEDED, 'Timeout', 'event_store.client.Timeout', new shared.Timeout());
const limit = new shared.MaximumAppendSizeExceeded();
limit.setMaxappendsize(MAX_APPEND_BYTES);
const tooLarge = failure(status.INVALID_ARGUMENT, 'Maximum Append Size Exceeded', 'event_store.client.MaximumAppendSizeExceeded', limit);

function badRequest(why: string): Message {
  const message = new shared.BadRequest();
  message.setMessage(why);
  return message;
}

function streamDeleted(stream: string): Fill {
  const message = new shared.StreamDeleted();
  message.setStreamIdentifier(streamIdentifier(stream));
  return failure(status.FAILED_PRECONDITION, 'Stream Deleted', 'event_store.client.StreamDeleted', message);
}

function wrongVersion(current: number, expected: Expected): Fill {
  const message = new shared.WrongExpectedVersion();
  if (current < 0) message.setCurrentNoStream(new emptyPb.Empty());
  else message.setCurrentStreamRevision(String(current));
  if (expected === 'any') message.setExpectedAny(new emptyPb.Empty());
  else if (expected === 'no_stream') message.setExpectedNoStream(new emptyPb.Empty());
  else if (expected === 'stream_exists') message.setExpectedStreamExists(new emptyPb.Empty());
  else message.setExpectedStreamPosition(String(expected));
  return failure(status.FAILED_PRECONDITION, 'Wrong Expected Version', 'event_store.client.WrongExpectedVersion', message);
}
