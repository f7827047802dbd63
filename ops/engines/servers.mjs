// The cluster's servers, for tests: which there are (a folder here with a server.mjs), which are running, and how they start and end.
//
// A server.mjs exports by default:
//   name, variable                      'mongodb', 'MONGODB_URL'
//   missing(cache) → string | null      one sentence: what is missing and how to get it; null when all is there
//   install(cache, say) → Promise       fetches or builds it into that folder
//   up({cache, folder, port}) → Promise<{url, pid}>   resolves when it answers; `folder` is its own, for data and output
import { randomInt } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { end, isAlive, startOf } from './process.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
/** A folder per running server, with `running.json` in it: two runs at once do not share a file. */
const RUNNING = fileURLToPath(new URL('../../.cache/engines/', import.meta.url));

/** Where what was fetched or built for a server is kept between runs. */
export const cacheOf = (name) => join(process.env.HELIOGRAPH_CACHE ?? join(homedir(), '.cache/heliograph'), 'engines', name);

/** All servers, or these. @throws Error for a name that is none */
export async function servers(names = []) {
  const all = readdirSync(HERE).filter((name) => existsSync(join(HERE, name, 'server.mjs'))).toSorted();
  for (const name of names) if (!all.includes(name)) throw new Error(`there is no server ${name}, only ${all.join(', ')}`);
  return Promise.all(all.filter((name) => names.length === 0 || names.includes(name)).map(async (name) => (await import(new URL(`./${name}/server.mjs`, import.meta.url).href)).default));
}

/** Below those that a system hands out by itself, so that no outgoing connection takes one between the look and the use. */
const [LOWEST, HIGHEST] = [10_000, 30_000];

/** A loopback port that was free a moment ago. */
export const freePort = () => new Promise((resolve, reject) => {
  const port = randomInt(LOWEST, HIGHEST);
  const probe = createServer().once('error', (error) => { if (error.code === 'EADDRINUSE') resolve(freePort()); else reject(error); })
    .listen(port, '127.0.0.1', () => { probe.close(() => resolve(port)); });
});

/** Builds or fetches what is missing. @throws Error with one sentence when it is still missing afterwards */
export async function install(server, say) {
  const cache = cacheOf(server.name);
  if (server.missing(cache) === null) return;
  mkdirSync(cache, { recursive: true });
  await server.install(cache, say);
  const missing = server.missing(cache);
  if (missing !== null) throw new Error(missing);
}

/** Starts a server in a folder and on a port of its own. `owner`: the process that ends it; null: whoever calls `down`. */
export async function up(server, owner = null) {
  const cache = cacheOf(server.name);
  const missing = server.missing(cache);
  if (missing !== null) throw new Error(missing);
  mkdirSync(RUNNING, { recursive: true });
  const folder = mkdtempSync(join(RUNNING, `${server.name}-`));
  try {
    const { url, pid } = await server.up({ cache, folder, port: await freePort() });
    const entry = { name: server.name, variable: server.variable, url, pid, started: startOf(pid), owner, folder };
    writeFileSync(join(folder, 'running.json'), `${JSON.stringify(entry, null, 2)}\n`);
    return entry;
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** What was started and not ended. */
export function running() {
  if (!existsSync(RUNNING)) return [];
  return readdirSync(RUNNING).map((name) => join(RUNNING, name, 'running.json')).filter((file) => existsSync(file)).map((file) => JSON.parse(readFileSync(file, 'utf8')));
}

/** Whether it is still that process, not another that got its number. */
export const stillRuns = ({ pid, started }) => isAlive(pid) && startOf(pid) === started;

/** Ends it, politely then hard, and removes its folder. */
export async function down(entry) {
  if (stillRuns(entry)) await end(entry.pid);
  rmSync(entry.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}
