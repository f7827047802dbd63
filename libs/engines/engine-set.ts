import type { Engine } from '#libs/event-sourcing/running/kernel';

/** The ports of one engine set, open. */
export interface OpenedEngine extends Engine {
  /** which set this is */
  name: 'embedded' | 'cluster';
  /** what was corrected while it was opened, for the log */
  warnings: readonly string[];
  failing(): Promise<{ part: string; reason: string }[]>;
  /** Finishes what waits and lets go of everything. */
  close(): Promise<void>;
}

/** Where an engine set keeps its data. */
export interface EngineSettings {
  engines: 'embedded' | 'cluster';
  dataDir: string;
  eventstoreUrl: string | null;
  mongodbUrl: string | null;
  kafkaBrokers: string | null;
  kafkaReplicas: number;
  /** `true`: over TLS */
  kafkaTls?: 'true' | 'false';
  /** PEM file; without one, the system's authorities */
  kafkaTlsCa?: string | null;
  kafkaUsername?: string | null;
  kafkaPasswordFile?: string | null;
  kafkaMechanism?: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  /** begins the names of databases and topics: two houses on the same servers do not meet */
  clusterName: string;
}
