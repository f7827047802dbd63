import { openFile } from '#libs/engines/embedded/durable-file';
import { LOG_SCHEMA, LOG_VERSION } from '#libs/engines/embedded/log-schema';
import { type LogRequest, logWriter } from '#libs/engines/embedded/log-writer';
import { answer, serve } from '#libs/engines/embedded/serve';

serve<{ path: string }>('log.thread', ({ path }) => {
  const writer = logWriter(() => openFile({ path, synchronous: 'FULL', cacheKib: 8192, version: LOG_VERSION, schema: LOG_SCHEMA }));
  return {
    ready: writer.start(),
    run: (requests) => requests.map((r) => answer(() => writer.append(r as LogRequest))),
    close: () => writer.close(),
  };
});
