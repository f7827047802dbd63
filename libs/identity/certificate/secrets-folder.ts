import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { OWNER_NAME } from '../credential/owner.js';
import { createAuthority, loadAuthority, type Authority, type KeyPair, type Sources } from './authority.js';
import { checkFolder, flushFolder, isInside, NotPrivate, readOwn, replace, writeNew } from './private-files.js';

/**
 * Where the secrets lie. `dir` (0700) holds `master.key` (32 random bytes), `ca.crt`, `ca.key`, `server.crt`, `server.key`,
 * and `clients/{name}/{client.crt,client.key,ca.crt}`; keys are 0600. Never inside the data folder: who copies that, as a
 * backup does, must not have copied the keys to it.
 */
export interface SecretsPlace {
  dir: string;
  /** instead of `{dir}/master.key` */
  masterKeyFile?: string | undefined;
  dataDir: string;
}

export interface Secrets { masterKey: Buffer; ca: KeyPair; server: KeyPair }

/** Why the program does not start: everything that is missing or wrong, in one error, with what to do about each. */
export class SecretsRefused extends Error {
  constructor(readonly problems: readonly string[], readonly missing: readonly string[]) {
    super([
      'The secrets are not usable:',
      ...problems.map((p) => `- ${p}`), ...missing.map((m) => `- ${m} is missing`),
      ...missing.length ? ['Make what is missing with: npx heliograph certs init'] : [],
    ].join('\n'));
    this.name = 'SecretsRefused';
  }
}

const MASTER_KEY_BYTES = 32;
const RENEW_MS = 30 * 86_400_000;
const masterKeyOf = (place: SecretsPlace): string => place.masterKeyFile ?? join(place.dir, 'master.key');
const pairOf = (dir: string, name: 'ca' | 'server'): Record<keyof KeyPair, string> => ({ certificate: join(dir, `${name}.crt`), privateKey: join(dir, `${name}.key`) });

/**
 * The secrets, as they are; makes nothing.
 * @throws SecretsRefused that names everything missing or wrong at once
 */
export async function loadSecrets(place: SecretsPlace): Promise<Secrets> {
  const problems = await placeProblems(place);
  const missing: string[] = [];
  const read = async (path: string, isPrivate: boolean): Promise<Buffer | null> => {
    try {
      const bytes = await readOwn(path, isPrivate);
      if (!bytes) missing.push(path);
      return bytes;
    } catch (error) {
      if (!(error instanceof NotPrivate)) throw error;
      problems.push(error.message);
      return null;
    }
  };
  const readPair = async (name: 'ca' | 'server'): Promise<KeyPair | null> => {
    const paths = pairOf(place.dir, name);
    const [certificate, privateKey] = [await read(paths.certificate, false), await read(paths.privateKey, true)];
    if (!certificate || !privateKey) return null;
    const pair = { certificate: certificate.toString(), privateKey: privateKey.toString() };
    const problem = pairProblem(pair, paths, name);
    if (problem) problems.push(problem);
    return problem ? null : pair;
  };

  const masterKey = await read(masterKeyOf(place), true);
  if (masterKey && masterKey.length !== MASTER_KEY_BYTES) problems.push(`${masterKeyOf(place)} has ${masterKey.length} bytes where ${MASTER_KEY_BYTES} belong: restore it, it is not a master key`);
  const [ca, server] = [await readPair('ca'), await readPair('server')];
  if (problems.length || missing.length || !masterKey || !ca || !server) throw new SecretsRefused(problems, missing);
  return { masterKey, ca, server };
}

/**
 * The secrets; in development what is missing is made, and a server certificate of our own that ends within 30 days is
 * renewed. What is there is never overwritten or mended otherwise. In production the same as `loadSecrets`.
 * @param serverNames host names and addresses of this server, beside the local ones
 * @throws SecretsRefused
 */
export async function ensureSecrets(place: SecretsPlace & { production: boolean; serverNames?: readonly string[] }, sources: Sources): Promise<Secrets> {
  if (place.production) return loadSecrets(place);
  const problems = await placeProblems(place);
  if (problems.length) throw new SecretsRefused(problems, []);
  await mkdir(place.dir, { recursive: true, mode: 0o700 });
  try {
    await makeMasterKey(place, sources);
    const authority = await makeAuthority(place.dir, sources);
    if (authority) await makeServer(place.dir, authority, place.serverNames ?? [], sources);
  } catch (error) {
    // What is wrong is told with everything else that is.
    if (!(error instanceof NotPrivate)) throw error;
  }
  return loadSecrets(place);
}

async function makeMasterKey(place: SecretsPlace, { random }: Sources): Promise<void> {
  const path = masterKeyOf(place);
  if (await readOwn(path, true)) return;
  const held = await readdir(place.dataDir).catch(() => []);
  if (held.some((name) => name.endsWith('.db'))) {
    throw new SecretsRefused([`${path} is missing, but ${place.dataDir} holds data that only it opens: restore it from its backup; a new one would not open them`], []);
  }
  try { await writeNew(path, random(MASTER_KEY_BYTES), 0o600); } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new SecretsRefused([`the folder of ${path} is not there: make it, or change MASTER_KEY_FILE`], []);
    throw error;
  }
}

/** The key is written before the certificate: a start that died in between is completed by the next, for the same key. */
async function makeAuthority(dir: string, sources: Sources): Promise<Authority | null> {
  const paths = pairOf(dir, 'ca');
  if (!await readOwn(paths.certificate, false)) {
    const made = await createAuthority(sources);
    await writeNew(paths.privateKey, made.privateKey, 0o600);
    const key = (await readOwn(paths.privateKey, true))!.toString();
    await writeNew(paths.certificate, key === made.privateKey ? made.certificate : (await createAuthority(sources, key)).certificate, 0o644);
  }
  const [certificate, privateKey] = [await readOwn(paths.certificate, false), await readOwn(paths.privateKey, true)];
  if (!certificate || !privateKey) return null;
  const pair = { certificate: certificate.toString(), privateKey: privateKey.toString() };
  return pairProblem(pair, paths, 'ca') ? null : loadAuthority(pair, sources);
}

async function makeServer(dir: string, authority: Authority, names: readonly string[], sources: Sources): Promise<void> {
  const paths = pairOf(dir, 'server');
  const certificate = await readOwn(paths.certificate, false);
  if (!certificate) {
    const made = await authority.issueServer(names);
    await writeNew(paths.privateKey, made.privateKey, 0o600);
    const key = (await readOwn(paths.privateKey, true))!.toString();
    await writeNew(paths.certificate, key === made.privateKey ? made.certificate : (await authority.issueServer(names, key)).certificate, 0o644);
    return;
  }
  const key = (await readOwn(paths.privateKey, true))?.toString();
  const pair = key === undefined ? null : { certificate: certificate.toString(), privateKey: key };
  if (!pair || pairProblem(pair, paths, 'server')) return;
  const shown = new X509Certificate(pair.certificate);
  const isOurs = shown.verify(new X509Certificate(authority.certificate).publicKey);
  if (isOurs && shown.validToDate.getTime() - sources.now().getTime() < RENEW_MS) await replace(paths.certificate, (await authority.issueServer(names, pair.privateKey)).certificate, 0o644);
}

/** What is wrong with where the secrets lie, before any of them is read or written. */
async function placeProblems({ dir, masterKeyFile, dataDir }: SecretsPlace): Promise<string[]> {
  const problems: string[] = [];
  for (const path of masterKeyFile === undefined ? [dir] : [dir, masterKeyFile]) {
    if (await isInside(path, dataDir)) problems.push(`${path} is inside the data folder ${dataDir}: keep it elsewhere, so that a copy of the data is not a copy of the keys`);
  }
  try { await checkFolder(dir); } catch (error) {
    if (!(error instanceof NotPrivate)) throw error;
    problems.push(error.message);
  }
  return problems;
}

function pairProblem({ certificate, privateKey }: KeyPair, paths: Record<keyof KeyPair, string>, name: 'ca' | 'server'): string | null {
  try {
    const shown = new X509Certificate(certificate);
    if (name === 'ca' && !shown.ca) return `${paths.certificate} is not the certificate of an authority: restore it`;
    return shown.checkPrivateKey(createPrivateKey(privateKey)) ? null : `${paths.privateKey} does not belong to ${paths.certificate}: restore both from one backup`;
  } catch {
    // The parser's own words may quote the file.
    return `${paths.certificate} or ${paths.privateKey} is not readable as PEM: restore both from one backup`;
  }
}

/**
 * Writes `clients/{name}/{client.crt,client.key,ca.crt}`, all three or none, for its owner to take away.
 * @returns the folder; null where that client is there already: then nothing was written
 */
export async function writeClient(dir: string, name: string, client: KeyPair, ca: { certificate: string }): Promise<string | null> {
  if (!OWNER_NAME.test(name)) throw new TypeError('a client folder is named as an owner is');
  const clients = join(dir, 'clients');
  await mkdir(clients, { recursive: true, mode: 0o700 });
  if (await checkFolder(join(clients, name))) return null;
  const made = await mkdtemp(join(clients, '.new-'));
  try {
    await writeNew(join(made, 'client.crt'), client.certificate, 0o644);
    await writeNew(join(made, 'client.key'), client.privateKey, 0o600);
    await writeNew(join(made, 'ca.crt'), ca.certificate, 0o644);
    await rename(made, join(clients, name));
    await flushFolder(clients);
    return join(clients, name);
  } catch (error) {
    await rm(made, { recursive: true, force: true });
    if (['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}

/** The client's certificate and key; null where there is none. */
export async function readClient(dir: string, name: string): Promise<KeyPair | null> {
  const folder = join(dir, 'clients', name);
  const [certificate, privateKey] = [await readOwn(join(folder, 'client.crt'), false), await readOwn(join(folder, 'client.key'), true)];
  return certificate && privateKey ? { certificate: certificate.toString(), privateKey: privateKey.toString() } : null;
}
