/** What a machine without a container engine can hold of Dockerfile and docker-compose.yml: that they name what is there. */
import { describe, expect, it } from '@jest/globals';
import { globSync, readFileSync } from 'node:fs';
import { SETTINGS } from '#libs/platform/configuration/settings';

const read = (name: string): string => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');
const compose = read('docker-compose.yml'), dockerfile = read('ops/images/Dockerfile');
/** What the file says between this line and the next one that begins as far left. */
const block = (name: string): string => {
  const [, indent, found] = new RegExp(`^( *)${name}:(?: &\\w+)?\\n((?:\\1 .*\\n|\\n)+)`, 'm').exec(compose) ?? [];
  if (indent === undefined) throw new Error(`docker-compose.yml has no ${name}`);
  return found!;
};
/** The stages of the image by name, each with those that it stands on. */
const stages = new Map<string, string>();
for (const [, from = '', name = 'last', steps = ''] of dockerfile.matchAll(/^FROM (\S+)(?: AS (\S+))?\n((?:(?!FROM ).*\n)*)/gm)) stages.set(name, (stages.get(from) ?? '') + steps);
/** What starts a server by itself: those need Java or Go, and none of them asks the originals. */
const OWN_SERVER = /OwnServer|ownBroker|UnderLoad|Cluster\.open|eventstoredb-server\//;
const named = [...block('test').matchAll(/^ +- (test\/\S+)$/gm)].map(([, path]) => path!);

describe('the tests against the originals', () => {
  it('run in a stage that has Jest, and the tests', () => {
    const [, target = ''] = /target: (\w+)/.exec(block('test')) ?? [];
    expect([...stages.keys()]).toContain(target);
    expect(stages.get(target)).not.toMatch(/prune|omit=dev/);
    expect(read('.dockerignore').split('\n')).not.toContain('test');
  });
  it('are all that start no server of their own', () => {
    const alone = globSync('test/engines/cluster/*.spec.ts').filter((name) => !OWN_SERVER.test(read(name))).sort();
    expect(named.filter((path) => path.endsWith('.ts')).sort()).toEqual(alone);
    expect(named.filter((path) => !path.endsWith('.ts'))).toEqual(['test/journeys/']);
    for (const name of globSync('test/journeys/*.ts')) expect([name, OWN_SERVER.test(read(name))]).toEqual([name, false]);
  });
});

describe('the image', () => {
  it('has what runs, and neither tests nor what only they need', () => {
    expect(stages.get('build')).toMatch(/npm prune --omit=dev/);
    expect([...dockerfile.matchAll(/^COPY --from=build \/app\/(\S+)/gm)].map(([, from]) => from)).toEqual(['package.json', 'node_modules', 'dist/apps', 'dist/libs', 'dist/projections', 'ops']);
  });
});

describe('the variables of the compose file', () => {
  const known = new Set(Object.values(SETTINGS).map(({ name }) => name));
  it.each(['x-environment', 'x-cluster'])('%s names settings that there are', (name) => {
    const variables = [...block(name).matchAll(/^ {2}([A-Z_]+):/gm)].map(([, variable]) => variable!);
    expect(variables.length).toBeGreaterThan(3);
    expect(variables.filter((variable) => !known.has(variable))).toEqual([]);
  });
  it('reach every process: what all of a house must have alike is said once', () => {
    for (const name of ['SECRET_KEY', 'SECRETS_DIR', 'GATEWAY_SMS_URL', 'GATEWAY_HTTP_URL', 'EGRESS_ALLOW']) expect(block('x-environment')).toContain(`  ${name}:`);
    for (const part of ['api', 'projector', 'worker']) expect(block(`${part}`)).toContain('environment: *cluster');
    expect(block('x-cluster')).toContain('<<: *environment');
  });
  it.each(['api', 'projector', 'worker', 'heliograph', 'eventstoredb', 'mongodb', 'kafka'])('%s has a bound of memory, a volume and a health check', (name) => {
    expect(block(`${name}`)).toMatch(/mem_limit: \dg/);
    expect(block(`${name}`)).toMatch(/volumes:/);
    expect(block(`${name}`).includes('healthcheck:') || block(`${name}`).includes('<<: *heliograph')).toBe(true);
    expect(block('x-heliograph')).toContain('healthcheck:');
  });
  it('T76 no process of ours leaves a core dump', () => {
    expect(block('x-heliograph')).toContain('ulimits: { core: 0 }');
    for (const part of ['api', 'projector', 'worker', 'heliograph']) expect(block(part)).toContain('<<: *heliograph');
  });
});
