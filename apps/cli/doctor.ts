import { X509Certificate } from 'node:crypto';
import { lstatSync, statfsSync } from 'node:fs';
import { get } from 'node:http';
import { Command } from 'commander';
import { loadSecrets } from '#libs/identity/certificate/secrets-folder';
import { parseConfiguration, type Configuration } from '#libs/platform/configuration/configuration';
import type { Finding } from '../standalone/control/inspection.js';
import { ask, EXIT, Failed, told } from './asking.js';
import { withProgress } from './progress.js';
import { painted, shown, type Colour, type Terminal } from './terminal.js';

const NODE_LEAST = 24;
const SPACE_WARN = 2 ** 30, SPACE_FAIL = 64 * 2 ** 20;
const SOON_MS = 30 * 86_400_000;
const ANSWER_MS = 3_000;
const COLOURS: Record<Finding['state'], Colour> = { ok: 'green', warn: 'yellow', fail: 'red' };

export const doctorCommand = (t: Terminal): Command => new Command('doctor').description('look at everything that a Heliograph needs, and say what to do about what is wrong; exit 1 where something fails')
  .action(async ({ json }: { json?: boolean }) => {
    const findings = await withProgress(t, 'Looking', (progress) => examine(t.env, progress));
    const failed = findings.some((f) => f.state === 'fail');
    if (json) t.out(`${JSON.stringify({ ok: !failed, findings })}\n`);
    else for (const { check, state, what, todo } of findings) t.out(`${painted(t, COLOURS[state], state.padEnd(4))}  ${check.padEnd(22)} ${what.split('\n').map((line) => shown(t, line.trim())).join(`\n${' '.repeat(29)}`)}${todo ? `\n${' '.repeat(29)}-> ${shown(t, todo)}` : ''}\n`);
    if (failed) throw new Silent();
  });

/** Everything was told already: only the exit code is left. */
export class Silent extends Failed {
  constructor() { super({ code: 'failed', detail: '' }, EXIT.failed); }
}

export async function examine(env: NodeJS.ProcessEnv, progress: Parameters<Parameters<typeof withProgress>[2]>[0], now: Date = new Date()): Promise<Finding[]> {
  const major = Number(process.versions.node.split('.')[0]);
  const node: Finding = major >= NODE_LEAST ? { check: 'node', state: 'ok', what: process.versions.node } : { check: 'node', state: 'fail', what: `${process.versions.node} is too old`, todo: 'run `npm install`: it brings the Node that Heliograph runs on' };
  let c: Configuration;
  try { c = parseConfiguration(env); } catch (error) {
    return [node, { check: 'configuration', state: 'fail', what: (error as Error).message, todo: 'correct the environment or .env' }];
  }
  const found: Finding[] = [node, { check: 'configuration', state: 'ok', what: `${c.environment}, DATA_DIR ${c.dataDir}` }, ...folderFindings(c), ...await secretFindings(c, now)];
  const serverAnswers = await serverFindings(c, found);
  try { found.push(...(await ask('inspect', {}, { configuration: c, progress })).findings); } catch (error) {
    const { failure } = told(error);
    found.push({ check: 'data', state: 'fail', what: failure.detail || failure.code, todo: serverAnswers ? 'the server answers over HTTP but not on its control socket: restart it' : 'mend what is named here, then look again' });
  }
  return found;
}

function folderFindings(c: Configuration): Finding[] {
  const found = lstatSync(c.dataDir, { throwIfNoEntry: false });
  if (!found) return [{ check: 'data folder', state: 'warn', what: `${c.dataDir} is not there yet`, todo: 'it is made at the first start' }];
  const own = process.geteuid?.();
  if (found.isSymbolicLink() || !found.isDirectory()) return [{ check: 'data folder', state: 'fail', what: `${c.dataDir} is not a folder`, todo: 'name the folder itself in DATA_DIR' }];
  if (own !== undefined && found.uid !== own) return [{ check: 'data folder', state: 'fail', what: `${c.dataDir} belongs to uid ${found.uid}, this is ${own}`, todo: 'chown it, or run this as that user' }];
  const mode = (found.mode & 0o777).toString(8);
  const { bavail, bsize } = statfsSync(c.dataDir);
  const free = bavail * bsize;
  return [
    (found.mode & 0o077) === 0 ? { check: 'data folder', state: 'ok', what: `${c.dataDir}, mode ${mode}` } : { check: 'data folder', state: 'warn', what: `${c.dataDir} has mode ${mode}: others may look into it`, todo: `chmod 700 ${c.dataDir}` },
    { check: 'free space', ...(free < SPACE_FAIL ? { state: 'fail' as const, todo: 'make room: without it nothing more is accepted' } : free < SPACE_WARN ? { state: 'warn' as const, todo: 'make room soon' } : { state: 'ok' as const }), what: `${(free / 2 ** 30).toFixed(1)} GiB` },
  ];
}

async function secretFindings(c: Configuration, now: Date): Promise<Finding[]> {
  try {
    const { ca, server } = await loadSecrets({ dir: c.secretsDir, masterKeyFile: c.masterKeyFile, dataDir: c.dataDir });
    return [
      { check: 'master key', state: 'ok', what: c.masterKeyFile },
      validity('certificate authority', ca.certificate, now, 'make a new authority and new certificates in another SECRETS_DIR before then'),
      validity('server certificate', server.certificate, now, c.environment === 'production' ? 'take away server.crt and server.key, then: npx heliograph certs init' : 'restart the server: it renews its own'),
    ];
  } catch (error) {
    return [{ check: 'secrets', state: 'fail', what: error instanceof Error ? error.message : String(error), todo: 'do what is named here' }];
  }
}

function validity(check: string, pem: string, now: Date, todo: string): Finding {
  const { validToDate, validFromDate } = new X509Certificate(pem);
  const left = validToDate.getTime() - now.getTime();
  const what = `valid until ${validToDate.toISOString()}`;
  if (validFromDate > now) return { check, state: 'fail', what: `valid only from ${validFromDate.toISOString()}`, todo: 'set the clock of this machine' };
  return left <= 0 ? { check, state: 'fail', what: `ended ${validToDate.toISOString()}`, todo } : left < SOON_MS ? { check, state: 'warn', what, todo } : { check, state: 'ok', what };
}

/** Whether a server answers on the first HTTP port. None is no fault: the folder is then looked at itself. */
async function serverFindings(c: Configuration, found: Finding[]): Promise<boolean> {
  const port = c.listenPorts[0];
  if (c.tlsCert !== null || port === undefined || port === 0) {
    found.push({ check: 'server', state: 'ok', what: 'not asked over HTTP: its port is not fixed, or it speaks TLS' });
    return false;
  }
  const host = ['0.0.0.0', '::'].includes(c.listenHost) ? '127.0.0.1' : c.listenHost;
  const health = await asked(host, port, '/health');
  if (health === null) {
    found.push({ check: 'server', state: 'warn', what: `nothing answers on ${host}:${port}`, todo: 'start it with `npm start`, if it should run' });
    return false;
  }
  const ready = await asked(host, port, '/ready');
  found.push(health.status !== 200 ? { check: 'server', state: 'fail', what: `${host}:${port} answers /health with ${health.status}`, todo: 'another program may hold the port: change LISTEN_PORTS' }
    : ready?.status === 200 ? { check: 'server', state: 'ok', what: `${host}:${port} is ready` }
      : { check: 'server', state: 'fail', what: `${host}:${port} is not ready: ${ready?.body.slice(0, 500) ?? 'no answer'}`, todo: 'see the parts named there, and the server\'s log' });
  return true;
}

const asked = (host: string, port: number, path: string): Promise<{ status: number; body: string } | null> => new Promise((resolve) => {
  const request = get({ host, port, path, timeout: ANSWER_MS, agent: false }, (answer) => {
    let body = '';
    answer.setEncoding('utf8').on('data', (chunk: string) => { if (body.length < 4_096) body += chunk; }).on('end', () => resolve({ status: answer.statusCode ?? 0, body })).on('error', () => resolve(null));
  });
  request.on('timeout', () => request.destroy()).on('error', () => resolve(null));
});
