/** Heliograph in parts on three servers, all on this machine. */
import { openCluster } from '#libs/engines/cluster';
import type { OpenedEngine } from '#libs/engines/engine-set';
import { systemClock } from '#libs/event-sourcing/running/clock';
import type { Ground } from '../ground.js';
import { newPlace, startServer, type Place, type Program, type Server } from '../server.js';
import { startServers, type Servers } from './servers.js';

const NAME = 'bench';

export interface Cluster {
  servers: Servers;
  place: Place;
  /** Starts one more process of a part. */
  start(part: Exclude<Program, 'standalone'>, env?: Record<string, string>): Promise<Server>;
  /** Ends one before the others. */
  stop(server: Server): Promise<void>;
  /** The engines, opened in this process, for whoever looks at what they hold. One at a time. */
  engine(): Promise<OpenedEngine>;
}

/** Runs something on three new servers; they, and the processes on them, end whatever comes of it. */
export async function withCluster<T>(ground: Ground, { called, env = {} }: { called: string; env?: Record<string, string> }, use: (cluster: Cluster) => Promise<T>): Promise<T> {
  ground.say(`${called}: starts EventStoreDB's test server, FerretDB and Kafka`);
  const servers = await startServers(ground);
  const place = newPlace(ground), running: Server[] = [];
  const stop = async (server: Server): Promise<void> => {
    running.splice(running.indexOf(server), 1);
    await server.stop();
  };
  const cluster: Cluster = {
    servers, place, stop,
    async start(part, more = {}) {
      const server = await startServer(ground, { part, place, called: `${called}-${part}`, env: { ...servers.env, ENGINES: 'cluster', CLUSTER_NAME: NAME, SHUTDOWN_SECONDS: '10', ...env, ...more } });
      running.push(server);
      return server;
    },
    engine: () => openCluster({ engines: 'cluster', dataDir: '', eventstoreUrl: servers.url.eventstoredb, mongodbUrl: servers.url.mongodb, kafkaBrokers: servers.url.kafka, kafkaReplicas: 1, clusterName: NAME }, systemClock),
  };
  const problems: unknown[] = [];
  const ended = async (): Promise<void> => {
    for (const server of running.toReversed()) await stop(server).catch((error: unknown) => problems.push(error));
    await servers.close();
  };
  let result: T;
  try { result = await use(cluster); } catch (error) {
    await ended();
    throw problems.length === 0 ? error : new Error([error, ...problems].map(String).join('; '), { cause: error });
  }
  await ended();
  if (problems.length > 0) throw new Error(problems.map(String).join('; '));
  return result;
}
