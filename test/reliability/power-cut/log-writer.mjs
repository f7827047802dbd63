// The log's own writer on its own file, at the given `synchronous`: appends entry after entry, and prints each number once it is acknowledged. Runs until it is killed.
import { writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

const [engine, path, synchronous] = process.argv.slice(2);
const from = (file) => import(pathToFileURL(join(engine, file)));
const { openFile } = await from('durable-file.js');
const { LOG_SCHEMA, LOG_VERSION } = await from('log-schema.js');
const { APPENDED, logWriter } = await from('log-writer.js');

const writer = logWriter(() => openFile({ path, synchronous, cacheKib: 8192, version: LOG_VERSION, schema: LOG_SCHEMA }));
writer.start();
for (let n = 1; ; n++) {
  const event = [`id-${n}`, 'Noted', JSON.stringify({ text: 'x'.repeat(300) }), '{}', 'sum'];
  const { results } = writer.append({ now: performance.now(), lines: [`noted-${n}`, '-1', '1', ...event].map((line) => `${line}\n`).join('') });
  if (results[0] === APPENDED) writeSync(1, `${n}\n`);
}
