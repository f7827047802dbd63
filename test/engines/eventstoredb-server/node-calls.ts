import features from '@eventstore/db-client/generated/serverfeatures_pb.js';
import gossip from '@eventstore/db-client/generated/gossip_pb.js';
import type { ClusterInfo } from '@eventstore/db-client/generated/gossip_pb.js';
import type { SupportedMethods } from '@eventstore/db-client/generated/serverfeatures_pb.js';
import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import { randomUUID } from 'node:crypto';
import type { Operation } from './faults.js';
import type { Node } from './node.js';
import { uuid } from './recorded.js';
import { refusalOf } from './refusals.js';

const STREAMS = 'event_store.client.streams.Streams';
const METHODS = [[STREAMS, 'append'], [STREAMS, 'batchappend'], [STREAMS, 'read'], [STREAMS, 'delete'], [STREAMS, 'tombstone'], ['event_store.client.gossip.Gossip', 'read']] as const;
/** the series of servers whose behaviour this one follows */
const VERSION = '23.10.0';

/** ServerFeatures.GetSupportedMethods. */
export const featuresCall = (node: Node) => (_: ServerUnaryCall<unknown, SupportedMethods>, answer: sendUnaryData<SupportedMethods>): void => {
  answered(node, 'features', answer, () => {
    const supported = new features.SupportedMethods();
    supported.setEventStoreServerVersion(VERSION);
    for (const [service, name] of METHODS) {
      const method = new features.SupportedMethod();
      method.setServiceName(service);
      method.setMethodName(name);
      supported.addMethods(method);
    }
    return supported;
  });
};

/** Gossip.Read: the members as this node sees them, itself and the leader if that is another. */
export const gossipCall = (node: Node) => (_: ServerUnaryCall<unknown, ClusterInfo>, answer: sendUnaryData<ClusterInfo>): void => {
  answered(node, 'gossip', answer, () => {
    const { self } = node;
    const leader = node.leader();
    const leads = leader.host === self.host && leader.port === self.port;
    const { LEADER, FOLLOWER } = gossip.MemberInfo.VNodeState;
    const info = new gossip.ClusterInfo();
    for (const [at, state] of leads ? [[self, LEADER] as const] : [[self, FOLLOWER] as const, [leader, LEADER] as const]) {
      const endpoint = new gossip.EndPoint();
      endpoint.setAddress(at.host);
      endpoint.setPort(at.port);
      const member = new gossip.MemberInfo();
      member.setInstanceId(uuid(randomUUID()));
      member.setTimeStamp(`${node.now()}0000`);
      member.setState(state);
      member.setIsAlive(true);
      member.setHttpEndPoint(endpoint);
      info.addMembers(member);
    }
    return info;
  });
};

function answered<T>(node: Node, operation: Operation, answer: sendUnaryData<T>, make: () => T): void {
  const fault = node.faults.take(operation);
  switch (fault?.fault) {
    case undefined: return answer(null, make());
    case 'hang': return;
    case 'slow': return node.after(fault.ms, () => answer(null, make()));
    default: return answer(refusalOf(fault!));
  }
}
