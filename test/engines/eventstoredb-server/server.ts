import streamsGrpc from '@eventstore/db-client/generated/streams_grpc_pb.js';
import gossipGrpc from '@eventstore/db-client/generated/gossip_grpc_pb.js';
import featuresGrpc from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import { Server as Grpc, ServerCredentials } from '@grpc/grpc-js';
import { randomUUID } from 'node:crypto';
import { access, type Login } from './access.js';
import { appendCall } from './append.call.js';
import { batchAppendCall } from './batch-append.call.js';
import { Connections } from './connections.js';
import { startControl } from './control.js';
import { deleteCall, tombstoneCall } from './delete.call.js';
import { EventLog } from './event-log.js';
import { Faults } from './faults.js';
import { featuresCall, gossipCall } from './node-calls.js';
import type { Node } from './node.js';
import { readCall } from './read.call.js';

export interface ServerOptions {
  folder: string;
  /** 0: any free port */
  port: number;
  /** 127.0.0.1 unless told */
  host?: string;
  /** 0: any free port */
  controlPort: number;
  /** nobody else may call; everybody unless told */
  login?: Login;
  /** PEM; without it the server speaks no TLS */
  tls?: { cert: Buffer; key: Buffer };
}

export interface EventStoreServer {
  port: number;
  /** for EVENTSTORE_URL */
  url: string;
  controlUrl: string;
  /** ends every connection, and what was appended is on the disk */
  close(): Promise<void>;
}

const MAX_MESSAGE_BYTES = 17 * 1024 * 1024;

export async function startServer({ folder, port, host = '127.0.0.1', controlPort, login, tls }: ServerOptions): Promise<EventStoreServer> {
  const grpc = new Grpc({ 'grpc.max_receive_message_length': MAX_MESSAGE_BYTES, 'grpc.max_send_message_length': -1 });
  const credentials = tls ? ServerCredentials.createSsl(null, [{ cert_chain: tls.cert, private_key: tls.key }]) : ServerCredentials.createInsecure();
  const connections = new Connections(grpc, credentials);
  const log = new EventLog(folder, Date.now, randomUUID);
  // the client cannot speak TLS to an address that is a number
  const self = { host: tls && host === '127.0.0.1' ? 'localhost' : host, port: await connections.listen(port, host) };
  let leader = self;
  const node: Node = {
    log, connections, self,
    faults: new Faults(),
    followers: new Set(),
    reads: new Set(),
    access: access(login ?? null),
    now: Date.now,
    after: (ms, act) => void setTimeout(act, ms),
    leader: () => leader,
  };
  const { StreamsService } = streamsGrpc;
  grpc.addService(
    { ...StreamsService, read: { ...StreamsService.read, responseSerialize: (bytes: Buffer) => bytes } },
    { append: appendCall(node), batchAppend: batchAppendCall(node), read: readCall(node), delete: deleteCall(node), tombstone: tombstoneCall(node) },
  );
  grpc.addService(gossipGrpc.GossipService, { read: gossipCall(node) });
  grpc.addService(featuresGrpc.ServerFeaturesService, { getSupportedMethods: featuresCall(node) });
  const control = await startControl(controlPort, {
    ...node,
    setLeader: (at) => { leader = at ?? self; },
    freeze: (ms) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
  });
  const who = login ? `${encodeURIComponent(login.username)}:${encodeURIComponent(login.password)}@` : '';
  return {
    port: self.port,
    url: `esdb://${who}${self.host}:${self.port}?tls=${tls !== undefined}`,
    controlUrl: control.url,
    async close() {
      await Promise.all([control.close(), connections.close()]);
      grpc.forceShutdown();
      await log.close();
    },
  };
}
