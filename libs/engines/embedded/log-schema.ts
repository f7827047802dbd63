import { STREAMS_SCHEMA } from '#libs/engines/embedded/stream-index';

export const LOG_VERSION = 2;

/** On disk for ever. Positions are given by the writer, without holes. A file of version 1 keeps its events and gets the index beside them. */
export const LOG_SCHEMA = `
  CREATE TABLE IF NOT EXISTS events (
    position INTEGER PRIMARY KEY, stream TEXT NOT NULL, revision INTEGER NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL,
    data TEXT NOT NULL, meta TEXT NOT NULL, sum TEXT NOT NULL) STRICT;
  ${STREAMS_SCHEMA}`;
