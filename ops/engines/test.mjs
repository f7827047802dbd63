// `npm run test:engines [PATH…]`: contracts and journeys against the cluster's servers. Installs what is missing, starts each server
// whose variable is not set, runs Jest, and ends what it started, also when something fails or it is interrupted.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { isAlive } from './process.mjs';
import { down, install, running, servers, up } from './servers.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const say = (text) => console.error(text);
const started = [];
const env = { ...process.env, ENGINES: 'cluster' }; // for the stories, which run on either set
let jest = null, interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => { interrupted = true; jest?.kill(signal); });

/** A server that cannot be had fails the tests that need it, not the others: they say themselves what is missing. */
async function provide(server) {
  if (env[server.variable]) return say(`${server.name}: at ${server.variable}, started by somebody else`);
  try {
    await install(server, say);
    const entry = await up(server, process.pid);
    started.push(entry);
    env[server.variable] = entry.url;
    say(`${server.name}: ${entry.url}`);
  } catch (error) { say(`${server.name}: ${error.message}`); }
}

const run = () => new Promise((resolve, reject) => {
  jest = spawn(process.execPath, ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js', '--config', 'jest.engines.config.ts', ...process.argv.slice(2)],
    { cwd: ROOT, env, stdio: 'inherit' });
  jest.once('error', reject).once('exit', (code) => resolve(code ?? 1));
});

try {
  // what a run that was killed has left
  for (const entry of running()) if (entry.owner !== null && !isAlive(entry.owner)) await down(entry);
  for (const server of await servers()) if (!interrupted) await provide(server);
  process.exitCode = interrupted ? 1 : await run();
} finally {
  for (const entry of started) await down(entry);
}
