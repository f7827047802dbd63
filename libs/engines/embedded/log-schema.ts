/** On disk for ever. Positions are given by the writer, without holes. */
export const LOG_SCHEMA = `
  CREATE TABLE events (
    position INTEGER PRIMARY KEY, stream TEXT NOT NULL, revision INTEGER NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL,
    data TEXT NOT NULL, meta TEXT NOT NULL, sum TEXT NOT NULL, UNIQUE (stream, revision)) STRICT`;
