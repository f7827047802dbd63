// node ops/engines/main.mjs install|up|down [SERVER…]: the cluster's servers for tests, on free loopback ports. What a server is: servers.mjs.
import { cacheOf, down, install, running, servers, stillRuns, up } from './servers.mjs';
import { isAlive } from './process.mjs';

const say = (text) => console.error(text);

const COMMANDS = {
  async install(names) {
    for (const server of await servers(names)) {
      await install(server, say);
      say(`${server.name}: there, in ${cacheOf(server.name)}`);
    }
  },
  /** Prints lines for `eval "$(ops/engines/up)"`. One that runs already is left running. */
  async up(names) {
    for (const server of await servers(names)) {
      const there = running().find((entry) => entry.name === server.name && entry.owner === null && stillRuns(entry));
      const { variable, url } = there ?? (await up(server));
      console.log(`export ${variable}='${url}'`);
    }
  },
  /** Ends what `up` started, and what a run that is gone has left behind. */
  async down(names) {
    for (const entry of running()) {
      if (names.length > 0 && !names.includes(entry.name)) continue;
      if (entry.owner !== null && isAlive(entry.owner)) continue;
      await down(entry);
      say(`${entry.name}: ended`);
    }
  },
};

const [command, ...names] = process.argv.slice(2);
if (!Object.hasOwn(COMMANDS, command ?? '')) {
  say(`usage: node ops/engines/main.mjs ${Object.keys(COMMANDS).join('|')} [SERVER…]`);
  process.exit(64);
}
try { await COMMANDS[command](names); }
catch (error) { say(error.message); process.exitCode = 1; }
