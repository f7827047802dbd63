// The real broker: Apache Kafka from Maven packages (pom.xml), one node in KRaft mode that is broker and controller, without replicas.
import { execFile, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { launch } from '../process.mjs';
import { freePort } from '../servers.mjs';

const POM = join(import.meta.dirname, 'pom.xml');
const FETCH_MS = 10 * 60_000;
/** a small heap, the quick compiler: a broker of tests lives for minutes */
const JAVA = ['-Xmx512m', '-Xms128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'];

const run = promisify(execFile);
const have = (program, ...args) => spawnSync(program, args).status === 0;
const javaVersion = () => Number(/version "(\d+)/.exec(spawnSync('java', ['-version'], { encoding: 'utf8' }).stderr ?? '')?.[1] ?? 0);
/** One per state of the pom: a changed one is fetched beside it. */
const packagesIn = (cache) => join(cache, `lib-${createHash('sha256').update(readFileSync(POM)).digest('hex').slice(0, 12)}`);

const also = (port) => (port === undefined ? '' : `,SECURE://127.0.0.1:${port}`);
const properties = ({ port, controller, data, advertised, secure }) => Object.entries({
  'process.roles': 'broker,controller',
  'node.id': 1,
  'controller.quorum.voters': `1@127.0.0.1:${controller}`,
  'controller.listener.names': 'CONTROLLER',
  listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}${also(secure?.port)}`,
  'advertised.listeners': `PLAINTEXT://127.0.0.1:${advertised}${also(secure?.port)}`,
  'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL',
  'log.dirs': data,
  'num.network.threads': 2,
  'num.io.threads': 4,
  'auto.create.topics.enable': false, // what is not created with its settings is not there
  'offsets.topic.num.partitions': 4,
  'offsets.topic.replication.factor': 1,
  'transaction.state.log.replication.factor': 1,
  'transaction.state.log.min.isr': 1,
  'group.initial.rebalance.delay.ms': 0, // a lone member does not wait for others
  ...secure?.settings,
}).map(([key, value]) => `${key}=${value}\n`).join('');

/** Whether a broker answers there and takes part in the cluster: it lists itself (Metadata, version 1). A connection alone says nothing. */
const serves = (port) => new Promise((resolve) => {
  const socket = connect({ port, host: '127.0.0.1', timeout: 1000 });
  let heard = Buffer.alloc(0);
  const answer = (yes) => { socket.destroy(); resolve(yes); };
  socket.once('connect', () => socket.write(Buffer.from('0000000e' + '00030001' + '00000001' + 'ffff' + '00000000', 'hex')));
  socket.on('data', (part) => { heard = Buffer.concat([heard, part]); if (heard.length >= 12) answer(heard.readInt32BE(8) > 0); });
  socket.once('error', () => answer(false)).once('timeout', () => answer(false)).once('close', () => answer(false));
});

export default {
  name: 'kafka',
  variable: 'KAFKA_BROKERS',

  missing(cache) {
    if (javaVersion() < 17) return 'Kafka runs on Java 17 or newer, which is not here: install it (openjdk-17-jre-headless), or set KAFKA_BROKERS to brokers of your own.';
    if (existsSync(packagesIn(cache))) return null;
    if (!have('mvn', '-version')) return "Kafka's packages are fetched with Maven, which is not here: install it (maven), or set KAFKA_BROKERS to brokers of your own.";
    return "Kafka's packages are not here yet: `ops/engines/install kafka` fetches them.";
  },

  async install(cache, say) {
    if (javaVersion() < 17 || !have('mvn', '-version')) return;
    say('kafka: fetching its packages with Maven, about 45 MB');
    const packages = packagesIn(cache);
    const aside = `${packages}.${process.pid}`;
    try {
      await run('mvn', ['-q', '-B', '-f', POM, 'dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${aside}`], { timeout: FETCH_MS, maxBuffer: 1 << 26 });
      renameSync(aside, packages);
    } finally { rmSync(aside, { recursive: true, force: true }); }
  },

  /**
   * Started again in the same folder on the same port, it goes on with what it held. `advertised`: the port that clients are told, of a
   * proxy before it. `secure`: the port of a second listener, SECURE, with TLS and passwords, and the settings that it needs.
   */
  async up({ cache, folder, port, advertised = port, secure }) {
    const classes = ['-cp', join(packagesIn(cache), '*')];
    const [file, data] = [join(folder, 'server.properties'), join(folder, 'data')];
    writeFileSync(file, properties({ port, controller: await freePort(), data, advertised, secure }), { mode: 0o600 });
    if (!existsSync(data)) {
      mkdirSync(data, { mode: 0o700 });
      const bytes = randomBytes(16);
      bytes[0] &= 0x7f; // it must not begin with a dash, which the tool takes for an option
      const id = bytes.toString('base64url');
      await run('java', [...JAVA, ...classes, 'kafka.tools.StorageTool', 'format', '-t', id, '-c', file], { cwd: folder });
    }
    const pid = await launch({ command: 'java', args: [...JAVA, ...classes, 'kafka.Kafka', file], folder, answers: () => serves(port) });
    return { url: `127.0.0.1:${port}`, pid };
  },
};
