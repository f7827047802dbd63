import { randomBytes, X509Certificate } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { loadAuthority } from './authority.js';
import { ensureSecrets, loadSecrets, readClient, SecretsRefused, writeClient, type SecretsPlace } from './secrets-folder.js';

let root: string;
let place: SecretsPlace & { production: boolean };
const sources = { now: () => new Date(), random: randomBytes };
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'secrets-'));
  place = { dir: join(root, 'secrets'), dataDir: join(root, 'data'), production: false };
});
afterEach(() => rm(root, { recursive: true, force: true }));

const at = (...path: string[]): string => join(place.dir, ...path);
const mode = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);
const content = async (): Promise<Record<string, string>> =>
  Object.fromEntries(await Promise.all((await readdir(place.dir)).map(async (name) => [name, await readFile(at(name), 'hex').catch(() => 'not a file')])));
/** The problems and the missing files, or a failure if nothing was refused. */
const refused = async (doing: Promise<unknown>): Promise<SecretsRefused> => {
  const error = await doing.then(() => null, (e: unknown) => e);
  expect(error).toBeInstanceOf(SecretsRefused);
  return error as SecretsRefused;
};

describe('the secrets of a first start in development', () => {
  it('are made, private, and kept by the second', async () => {
    const first = await ensureSecrets(place, sources);
    const before = await content();
    expect(Object.keys(before).sort()).toEqual(['ca.crt', 'ca.key', 'master.key', 'server.crt', 'server.key']);
    expect(await mode(place.dir)).toBe('700');
    for (const name of ['master.key', 'ca.key', 'server.key']) expect(await mode(at(name))).toBe('600');
    expect(first.masterKey.toString('hex')).toBe(before['master.key']);
    expect(first.masterKey).toHaveLength(32);
    expect(new X509Certificate(first.server.certificate).verify(new X509Certificate(first.ca.certificate).publicKey)).toBe(true);
    expect(await ensureSecrets(place, sources)).toEqual(first);
    expect(await content()).toEqual(before);
    expect(await loadSecrets(place)).toEqual(first);
  });
  it('are the same for two that start together', async () => {
    const all = await Promise.all([1, 2, 3].map(() => ensureSecrets(place, sources)));
    const kept = await loadSecrets(place);
    for (const one of all) expect(one).toEqual(kept);
    expect((await readdir(place.dir)).sort()).toEqual(['ca.crt', 'ca.key', 'master.key', 'server.crt', 'server.key']);
  });
  it.each(['ca', 'server'])('are completed where a start died between the key and the certificate of the %s', async (name) => {
    await ensureSecrets(place, sources);
    const before = await content();
    await unlink(at(`${name}.crt`));
    await ensureSecrets(place, sources);
    const after = await content();
    expect(after[`${name}.crt`]).not.toBe(before[`${name}.crt`]);
    expect({ ...after, [`${name}.crt`]: '' }).toEqual({ ...before, [`${name}.crt`]: '' });
  });
  it('renew a server certificate of our own before it ends, for the same key', async () => {
    const first = await ensureSecrets({ ...place, serverNames: ['heliograph.example'] }, sources);
    const soon = new Date(new X509Certificate(first.server.certificate).validToDate.getTime() - 29 * 86_400_000);
    const then = await ensureSecrets({ ...place, serverNames: ['heliograph.example'] }, { ...sources, now: () => soon });
    expect(then).toMatchObject({ masterKey: first.masterKey, ca: first.ca, server: { privateKey: first.server.privateKey } });
    expect(new X509Certificate(then.server.certificate).validToDate.getTime()).toBeGreaterThan(soon.getTime() + 390 * 86_400_000);
    expect(new X509Certificate(then.server.certificate).checkHost('heliograph.example')).toBe('heliograph.example');
  });
  it('do not take the place of a master key that data was sealed with', async () => {
    await ensureSecrets(place, sources);
    await unlink(at('master.key'));
    await mkdir(place.dataDir);
    await writeFile(join(place.dataDir, 'keys.db'), '');
    expect((await refused(ensureSecrets(place, sources))).problems).toEqual([expect.stringContaining('holds data that only it opens')]);
    await expect(stat(at('master.key'))).rejects.toThrow('ENOENT');
  });
  it('may have the master key elsewhere', async () => {
    const elsewhere = { ...place, masterKeyFile: join(root, 'master') };
    const made = await ensureSecrets(elsewhere, sources);
    expect(await readFile(join(root, 'master'))).toEqual(made.masterKey);
    expect(await readdir(place.dir)).not.toContain('master.key');
    expect((await refused(ensureSecrets({ ...place, masterKeyFile: join(root, 'not', 'there') }, sources))).problems).toEqual([expect.stringContaining('is not there')]);
  });
});

describe('the secrets in production', () => {
  it('are never made: one error names everything that is missing, and the command that makes it', async () => {
    const error = await refused(ensureSecrets({ ...place, production: true }, sources));
    expect(error.missing).toEqual(['master.key', 'ca.crt', 'ca.key', 'server.crt', 'server.key'].map((name) => at(name)));
    expect(error.message).toContain('npx heliograph certs init');
    await expect(stat(place.dir)).rejects.toThrow('ENOENT');
  });
  it('are the ones that were made', async () => {
    const made = await ensureSecrets(place, sources);
    expect(await ensureSecrets({ ...place, production: true }, sources)).toEqual(made);
  });
});

const WRONG: Record<string, { spoil: () => Promise<unknown>; says: RegExp }> = {
  'T74 master key of 31 bytes': { spoil: () => writeFile(at('master.key'), randomBytes(31)), says: /master\.key has 31 bytes where 32 belong/ },
  'T74 master key of 33 bytes': { spoil: () => writeFile(at('master.key'), randomBytes(33)), says: /master\.key has 33 bytes where 32 belong/ },
  'T74 master key with the mode 0644': { spoil: () => chmod(at('master.key'), 0o644), says: /master\.key has the mode 0644.*chmod 600/ },
  'T74 master key with the mode 0640': { spoil: () => chmod(at('master.key'), 0o640), says: /master\.key has the mode 0640/ },
  'T76 key of the authority with the mode 0604': { spoil: () => chmod(at('ca.key'), 0o604), says: /ca\.key has the mode 0604/ },
  'T76 key of the server with the mode 0660': { spoil: () => chmod(at('server.key'), 0o660), says: /server\.key has the mode 0660/ },
  'T76 certificate that others may replace': { spoil: () => chmod(at('ca.crt'), 0o666), says: /ca\.crt has the mode 0666, others may change it/ },
  'T76 folder with the mode 0755': { spoil: () => chmod(place.dir, 0o755), says: /secrets has the mode 0755.*chmod 700/ },
  'T76 master key that is a symbolic link': { spoil: async () => { await rename(at('master.key'), join(root, 'key')); await symlink(join(root, 'key'), at('master.key')); }, says: /master\.key is a symbolic link/ },
  'T76 folder that is a symbolic link': { spoil: async () => { await rename(place.dir, join(root, 'real')); await symlink(join(root, 'real'), place.dir); }, says: /secrets is a symbolic link/ },
  'T76 folder where the master key belongs': { spoil: async () => { await unlink(at('master.key')); await mkdir(at('master.key')); }, says: /master\.key is not a file/ },
  'key of another authority': { spoil: async () => writeFile(at('ca.key'), (await readFile(at('server.key')))), says: /ca\.key does not belong to .*ca\.crt/ },
  'authority that is none': { spoil: async () => { await writeFile(at('ca.crt'), await readFile(at('server.crt'))); await writeFile(at('ca.key'), await readFile(at('server.key'))); }, says: /not the certificate of an authority/ },
  'certificate that is no PEM': { spoil: () => writeFile(at('server.crt'), 'hello'), says: /server\.crt or .* is not readable/ },
  'key that is missing beside its certificate': { spoil: () => unlink(at('server.key')), says: /server\.key is missing/ },
  'file of 100 kB': { spoil: () => writeFile(at('ca.crt'), 'x'.repeat(100_000)), says: /ca\.crt is longer than 65536 bytes/ },
};

describe('secrets that are not as they must be', () => {
  it.each(Object.keys(WRONG))('%s: refused with its reason, in development too, and nothing is overwritten', async (name) => {
    await ensureSecrets(place, sources);
    await WRONG[name]!.spoil();
    const before = await content();
    for (const production of [true, false]) expect((await refused(ensureSecrets({ ...place, production }, sources))).message).toMatch(WRONG[name]!.says);
    expect(await content()).toEqual(before);
  });
  it.each(['secrets', 'deep/er/secrets', '.', '../data/x'])('T74 inside the data folder as %s: refused before anything is written', async (inside) => {
    const dir = join(place.dataDir, inside);
    for (const production of [true, false]) expect((await refused(ensureSecrets({ ...place, dir, production }, sources))).message).toContain('is inside the data folder');
    await expect(stat(place.dataDir)).rejects.toThrow('ENOENT');
  });
  it('T74 master key inside the data folder, or by a link into it: refused', async () => {
    await mkdir(place.dataDir);
    await symlink(place.dataDir, join(root, 'elsewhere'));
    for (const folder of ['data', 'elsewhere']) {
      expect((await refused(ensureSecrets({ ...place, masterKeyFile: join(root, folder, 'master.key') }, sources))).message).toContain('is inside the data folder');
    }
    expect(await readdir(place.dataDir)).toEqual([]);
  });
  it('a folder beside the data folder whose name begins alike is not inside it', async () => {
    await ensureSecrets({ ...place, dir: `${place.dataDir}-secrets` }, sources);
    expect(await readdir(`${place.dataDir}-secrets`)).toContain('master.key');
  });
  it('everything wrong is told at once', async () => {
    await ensureSecrets(place, sources);
    await chmod(at('master.key'), 0o644);
    await chmod(at('ca.key'), 0o644);
    await unlink(at('server.crt'));
    const error = await refused(loadSecrets(place));
    expect(error.problems).toHaveLength(2);
    expect(error.missing).toEqual([at('server.crt')]);
  });
});

describe('a client of ours', () => {
  it('is written once, whole, its key private', async () => {
    const { ca } = await ensureSecrets(place, sources);
    const authority = await loadAuthority(ca, sources);
    const client = await authority.issueClient({ owner: 'demo', days: 30 });
    expect(await readClient(place.dir, 'demo')).toBeNull();
    expect(await writeClient(place.dir, 'demo', client, ca)).toBe(at('clients', 'demo'));
    expect(await writeClient(place.dir, 'demo', await authority.issueClient({ owner: 'demo', days: 30 }), ca)).toBeNull();
    expect(await readClient(place.dir, 'demo')).toEqual({ certificate: client.certificate, privateKey: client.privateKey });
    expect(await readdir(at('clients'))).toEqual(['demo']);
    expect((await readdir(at('clients', 'demo'))).sort()).toEqual(['ca.crt', 'client.crt', 'client.key']);
    expect(await mode(at('clients', 'demo', 'client.key'))).toBe('600');
    await expect(writeClient(place.dir, '../x', client, ca)).rejects.toThrow('named as an owner');
  });
});
