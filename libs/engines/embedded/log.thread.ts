import { openFile } from '#libs/engines/embedded/durable-file';
import { type LogRequest, logWriter } from '#libs/engines/embedded/log-writer';
import { answer, serve } from '#libs/engines/embedded/serve';

const SCHEMA = `
  CREATE TABLE events (
    position INTEGER PRIMARY KEY, stream TEXT NOT NULL, revision INTEGER NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL,
    data TEXT NOT NULL, meta TEXT NOT NULL, sum TEXT NOT NULL, UNIQUE (stream, revision)) STRICT`;

serve<{ path: string }>('log.thread', ({ path }) => {
  const writer = logWriter(() => openFile({ path, synchronous: 'FULL', cacheKib: 8192, version: 1, schema: SCHEMA }));
  return {
    ready: writer.start(),
    run: (requests) => requests.map((r) => answer(() => writer.append(r as LogRequest))),
    close: () => writer.close(),
  };
});
