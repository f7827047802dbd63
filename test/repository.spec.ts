/** What a machine can hold of how this repository is kept. The rest is `npm run check`. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ERRORS } from '#libs/event-sourcing/error-codes';

const ROOT = process.cwd();
const read = (name: string): string => readFileSync(join(ROOT, name), 'utf8');
/** What is in the repository, or would be: nothing that .gitignore leaves out. */
const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 26 })
  .split('\0').filter((name) => name !== '' && existsSync(join(ROOT, name)));
const TEXT = /\.(ts|mjs|cjs|js|json|md|c|h|py|sh|yml|yaml|html|css|txt|example)$|(^|\/)(heliograph|run|\.[a-z]+rc|\.gitignore)$/;
const texts = files.filter((name) => TEXT.test(name) && name !== 'package-lock.json');
/** Findings as `file:line`, so that nothing secret is shown. */
const where = (pattern: RegExp, among = texts): string[] =>
  among.flatMap((name) => read(name).split('\n').flatMap((line, i) => (pattern.test(line) ? [`${name}:${i + 1}`] : [])));

describe('events', () => {
  const catalogues = files.filter((name) => name.endsWith('.events.ts'));

  it('are there', () => expect(catalogues.length).toBeGreaterThan(0));

  it.each(catalogues)('every type of %s has a golden sample beside it', async (name) => {
    const types = [...read(name).matchAll(/export (?:type|interface) \w+Events\b[^{]*\{\n([^]*?)\n\}/g)]
      .flatMap(([, block = '']) => [...block.matchAll(/^ {2}(\w+)\??:/gm)].map(([, type]) => type!));
    const samples = (await import(pathToFileURL(join(ROOT, name.replace('.events.ts', '.samples.ts'))).href)) as Record<string, unknown>;
    const sampled = Object.values(samples).flatMap((s) => (Array.isArray(s) ? s.map((one: { type: string }) => one.type) : Object.keys(s ?? {})));
    expect(types.length).toBeGreaterThan(0);
    expect([...new Set(sampled)].sort()).toEqual([...types].sort());
  });
});

describe('specs', () => {
  it('leave nothing out: no only, no todo, and skip only where something outside is missing', () => {
    const specs = files.filter((name) => /\.(spec|contract)\.ts$/.test(name));
    const left = /\b(?:it|test|describe)(?:\.\w+)*\.(?:only|skip|todo)\b|\b[fx](?:it|test|describe)\s*\(/;
    const found = specs.flatMap((name) => read(name).split('\n').flatMap((line, i) => (left.test(line.replace(/\? (it|describe) : \1\.skip/, '')) ? [`${name}:${i + 1}`] : [])));
    expect(found.filter((at) => !at.startsWith('test/repository.spec.ts'))).toEqual([]);
  });
});

describe('packages', () => {
  interface Locked { version?: string; resolved?: string; integrity?: string; hasInstallScript?: boolean; link?: boolean }
  const locked = Object.entries((JSON.parse(read('package-lock.json')) as { packages: Record<string, Locked> }).packages).filter(([way]) => way !== '');
  const named = JSON.parse(read('package.json')) as Record<'dependencies' | 'devDependencies', Record<string, string>>;
  const nameOf = (way: string): string => way.slice(way.lastIndexOf('node_modules/') + 'node_modules/'.length);

  it('have no download address and an integrity hash in the lock file', () => {
    expect(locked.filter(([, p]) => p.resolved).map(([way]) => way)).toEqual([]);
    expect(locked.filter(([, p]) => !p.integrity && !p.link).map(([way]) => way)).toEqual([]);
  });

  it('are named with exact versions', () => {
    const all = { ...named.dependencies, ...named.devDependencies };
    expect(Object.entries(all).filter(([, version]) => !/^(npm:(@[\w-]+\/)?[\w.-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
  });

  it('run install scripts only where known (T89)', () => {
    // node: fetches the binary of this platform; swc: falls back to wasm; protobufjs and scarf: print or count, and nothing hangs on them (scarf is off)
    const known = ['@parcel/watcher', '@scarf/scarf', '@swc/core', 'node', 'protobufjs'];
    expect([...new Set(locked.filter(([, p]) => p.hasInstallScript).map(([way]) => nameOf(way)))].filter((name) => !known.includes(name))).toEqual([]);
  });

  const FLOORS: [name: string, floor: string][] = [
    ['@nestjs/platform-fastify', '12.0.0'], ['fastify', '5.8.5'], ['@fastify/middie', '9.3.6'], ['@fastify/static', '10.1.4'], ['@fastify/proxy-addr', '5.1.1'],
    ['ws', '8.21.1'], ['nodemailer', '10.4.1'], ['validator', '13.15.22'], ['class-validator', '0.14.0'], ['@opentelemetry/instrumentation-http', '0.222.0'],
  ];
  const isBelow = (version: string, floor: string): boolean => {
    const [a, b] = [version, floor].map((v) => v.split('-')[0]!.split('.').map(Number));
    const differs = a!.findIndex((part, i) => part !== b![i]);
    return differs >= 0 && a![differs]! < b![differs]!;
  };

  it.each(FLOORS)('T88: %s is at or above %s, or absent', (name, floor) => {
    expect(locked.filter(([way, p]) => nameOf(way) === name && isBelow(p.version ?? '0.0.0', floor)).map(([way, p]) => `${way}@${p.version}`)).toEqual([]);
  });

  it('T88: the comparison of versions knows higher from lower', () => {
    expect([isBelow('5.8.4', '5.8.5'), isBelow('5.8.5', '5.8.5'), isBelow('5.12.0', '5.8.5'), isBelow('0.9.9', '1.0.0'), isBelow('13.15.3', '13.15.22')]).toEqual([true, false, false, true, true]);
  });
});

describe('what must not be in a repository', () => {
  it('is not: private keys', () => {
    const key = new RegExp(`-{5}BEGIN [A-Z ]*PRIVATE ${'KEY'}-{5}(\\\\n|\\s)+[A-Za-z0-9+/=]{20}`);
    expect(files.filter((name) => TEXT.test(name) || /\.(pem|key|crt)$/.test(name)).filter((name) => key.test(read(name)))).toEqual([]);
    expect(files.filter((name) => /\.(pem|key|p12|pfx)$/.test(name))).toEqual([]);
  });

  it('is not: paths of the machine that it was written on', () => {
    expect(where(/(^|[\s"'`(=:])\/(home|Users|root|work|tmp)\/[\w.-]/, texts.filter((name) => name !== 'test/repository.spec.ts'))).toEqual([]);
  });

  it('is not: data, secrets or built files', () => expect(files.filter((name) => /^(data|secrets|dist|\.cache)\//.test(name))).toEqual([]));
});

describe('the error page', () => {
  it('names every code of the catalogue, and no other', () => {
    const onPage = [...read('docs/errors.md').matchAll(/^\| `(\w+)` \| (\d+) \|/gm)].map(([, code, status]) => [code, Number(status)]);
    expect(onPage).toEqual(Object.entries(ERRORS).map(([code, [status]]) => [code, status]));
  });
});

describe('the search for outbound connections (T61)', () => {
  let outboundIn: (text: string) => string[];
  beforeAll(async () => {
    ({ outboundIn } = (await import(pathToFileURL(join(ROOT, 'ops/check/outbound.mjs')).href)) as { outboundIn: typeof outboundIn });
  });

  it.each([
    `import { request } from 'node:https';`, `import http from 'node:http';`, `import * as net from 'net';`, `import { connect as c } from 'node:tls';`,
    `import { createServer, Agent } from 'node:http';`, `const { request } = await import('node:http');`, `await fetch('https://example.com');`,
    `globalThis.fetch(url)`, `new WebSocket(url)`, `import { fetch as f } from 'undici';`, `import { lookup } from 'node:dns/promises';`, `new Socket()`,
  ])('finds %s', (text) => expect(outboundIn(text)).not.toEqual([]));

  it.each([
    `import { createServer, type IncomingMessage } from 'node:http';`, `import type { Socket } from 'node:net';`, `import { isIP } from 'node:net';`,
    `this.store.fetch(1)`, `// fetch('x')`, `const prefetch = () => prefetch(1);`,
  ])('lets %s pass', (text) => expect(outboundIn(text)).toEqual([]));
});
