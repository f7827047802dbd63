import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { DeleteReq, DeleteResp, TombstoneReq, TombstoneResp } from '@eventstore/db-client/generated/streams_pb.js';
import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import type { Outcome } from './event-log.js';
import type { Expected } from './expected-revision.js';
import type { Node } from './node.js';
import { expectedOf } from './proposed.js';
import { nameOf } from './recorded.js';
import { badRequest, refusalOf, streamDeleted, wrongExpectedVersion, type Refused } from './refusals.js';

/** Streams.Delete: hides a stream until somebody appends to it again. */
export const deleteCall = (node: Node) => (call: ServerUnaryCall<DeleteReq, DeleteResp>, answer: sendUnaryData<DeleteResp>): void => {
  remove(node, call, (stream, expected, done) => node.log.softDelete(stream, expected, done), answer, (at) => {
    const position = new streams.DeleteResp.Position();
    position.setCommitPosition(at);
    position.setPreparePosition(at);
    const response = new streams.DeleteResp();
    response.setPosition(position);
    answer(null, response);
  });
};

/** Streams.Tombstone: deletes a stream for ever. */
export const tombstoneCall = (node: Node) => (call: ServerUnaryCall<TombstoneReq, TombstoneResp>, answer: sendUnaryData<TombstoneResp>): void => {
  remove(node, call, (stream, expected, done) => node.log.tombstone(stream, expected, done), answer, (at) => {
    const position = new streams.TombstoneResp.Position();
    position.setCommitPosition(at);
    position.setPreparePosition(at);
    const response = new streams.TombstoneResp();
    response.setPosition(position);
    answer(null, response);
  });
};

type Request = DeleteReq | TombstoneReq;
type Act = (stream: string, expected: Expected, done: (outcome: Outcome) => void) => void;

function remove(node: Node, call: ServerUnaryCall<Request, unknown>, act: Act, refuse: (refused: Refused) => void, succeed: (position: string) => void): void {
  const options = call.request.getOptions();
  const denied = node.access(call.metadata);
  if (denied || !options) return refuse(denied ?? badRequest('Required field Options not set.'));
  const stream = nameOf(options.getStreamIdentifier());
  const fault = node.faults.take('delete', stream);
  if (fault) return refuse(refusalOf(fault));
  const expected = expectedOf(options);
  act(stream, expected, (outcome) => {
    if (outcome.kind === 'deleted') return refuse(streamDeleted(stream));
    if (outcome.kind === 'wrong') return refuse(wrongExpectedVersion(stream, expected, outcome.current));
    succeed(String(outcome.position));
  });
}
