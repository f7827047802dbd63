// EventStoreDB, for tests: no package carries the server, so this is the protocol server of our own, test/engines/eventstoredb-server.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from '../../build.mjs';
import { launch } from '../process.mjs';

const MAIN = fileURLToPath(new URL('../../../dist/test/engines/eventstoredb-server/main.js', import.meta.url));
const CLIENT = fileURLToPath(new URL('../../../node_modules/@eventstore/db-client/generated', import.meta.url));

/** The line in which a server says where it is, once it answers. */
function told(folder) {
  const log = join(folder, 'output.log');
  const line = existsSync(log) ? readFileSync(log, 'utf8').split('\n').findLast((l) => l.startsWith('{"url":')) : undefined;
  return line ? JSON.parse(line) : null;
}

export default {
  name: 'eventstoredb',
  variable: 'EVENTSTORE_URL',

  missing: () => (existsSync(CLIENT) ? null : 'the definitions that EventStoreDB\'s test server is built on are not there: npm ci'),

  /** The project's own build makes it. */
  async install() { await build(); },

  /** `args`: more of its options (its README). Its control port is in `control`. */
  async up({ folder, port, args = [] }) {
    await build(); // as `npm start` does: never an older one than the sources
    const env = { ...process.env, NODE_OPTIONS: '' };
    const pid = await launch({
      command: process.execPath, folder, env,
      args: ['--disable-warning=ExperimentalWarning', MAIN, '--folder', join(folder, 'events'), '--port', String(port), ...args],
      answers: () => told(folder) !== null,
    });
    return { ...told(folder), pid };
  },
};
