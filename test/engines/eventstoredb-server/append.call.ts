import streams from '@eventstore/db-client/generated/streams_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import type { AppendReq, AppendResp } from '@eventstore/db-client/generated/streams_pb.js';
import type { sendUnaryData, ServerReadableStream } from '@grpc/grpc-js';
import type { Outcome } from './event-log.js';
import type { Expected } from './expected-revision.js';
import { append, MAX_APPEND_BYTES, type Node, sizeOf } from './node.js';
import { expectedOf, proposedOf } from './proposed.js';
import { nameOf, type Proposed } from './recorded.js';
import { badRequest, refusalOf, type Refused, streamDeleted, tooLarge } from './refusals.js';

/** Streams.Append: the options first, then the events, one answer. */
export const appendCall = (node: Node) => (call: ServerReadableStream<AppendReq, AppendResp>, answer: sendUnaryData<AppendResp>): void => {
  let stream = '';
  let expected: Expected = 'any';
  let bytes = 0;
  let refused: Refused | null = node.access(call.metadata);
  const events: Proposed[] = [];
  call.on('data', (request: AppendReq) => {
    if (refused) return;
    try {
      const message = request.getProposedMessage();
      if (message) {
        const event = proposedOf(message);
        bytes += sizeOf(event);
        events.push(event);
        if (bytes > MAX_APPEND_BYTES) refused = tooLarge(MAX_APPEND_BYTES);
      } else {
        stream = nameOf(request.getOptions()?.getStreamIdentifier());
        expected = expectedOf(request.getOptions()!);
      }
    } catch (error) { refused = badRequest((error as Error).message); }
  });
  call.on('end', () => {
    if (refused) return answer(refused);
    append(node, { stream, expected, events }, {
      peer: call.getPeer(),
      refuse: (fault) => answer(refusalOf(fault)),
      answer: (outcome) => (outcome.kind === 'deleted' ? answer(streamDeleted(stream)) : answer(null, responseOf(outcome, expected))),
    });
  });
  call.on('error', () => undefined); // the caller is gone
};

function responseOf(outcome: Exclude<Outcome, { kind: 'deleted' }>, expected: Expected): AppendResp {
  const response = new streams.AppendResp();
  if (outcome.kind === 'wrong') response.setWrongExpectedVersion(wrong(outcome.current, expected));
  else {
    const success = new streams.AppendResp.Success();
    if (outcome.revision === null) success.setNoStream(new shared.Empty());
    else success.setCurrentRevision(String(outcome.revision));
    if (outcome.position === null) success.setNoPosition(new shared.Empty());
    else {
      const position = new streams.AppendResp.Position();
      position.setCommitPosition(String(outcome.position));
      position.setPreparePosition(String(outcome.position));
      success.setPosition(position);
    }
    response.setSuccess(success);
  }
  return response;
}

function wrong(current: number, expected: Expected): AppendResp.WrongExpectedVersion {
  const message = new streams.AppendResp.WrongExpectedVersion();
  if (current < 0) message.setCurrentNoStream(new shared.Empty());
  else message.setCurrentRevision(String(current));
  if (expected === 'any') message.setExpectedAny(new shared.Empty());
  else if (expected === 'no_stream') message.setExpectedNoStream(new shared.Empty());
  else if (expected === 'stream_exists') message.setExpectedStreamExists(new shared.Empty());
  else message.setExpectedRevision(String(expected));
  return message;
}
