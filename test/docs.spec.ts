/** What the documentation says is there, is there: quotes, links, commands, settings, routes, metrics. */
import { describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { SURFACES } from '#apps/api/surfaces';
import { ERRORS } from '#libs/event-sourcing/error-codes';
import { defaultGateways } from '#libs/messaging/gateways/default-gateways';
import { parseGateways } from '#libs/messaging/gateways/gateways-file';
import { createMetrics } from '#libs/platform/telemetry/metrics';

const ROOT = process.cwd();
const read = (name: string): string => readFileSync(join(ROOT, name), 'utf8');
const pages = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '*.md'], { cwd: ROOT, encoding: 'utf8' }).split('\0').filter((name) => name !== '' && existsSync(join(ROOT, name)));
/** Without blocks of code. */
const prose = (text: string): string => text.replace(/^```[^]*?^```/gm, '');
const allOf = (names: readonly string[], pattern: RegExp, part = (text: string): string => text): { name: string; found: string }[] =>
  names.flatMap((name) => [...part(read(name)).matchAll(pattern)].map((m) => ({ name, found: m[1]! })));

/** As GitHub names a heading. */
const anchorOf = (heading: string): string => heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').trim().replaceAll(' ', '-');
const anchors = (text: string): string[] => [...prose(text).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading!));

function broken({ name, found }: { name: string; found: string }): boolean {
  if (/^(https?:|mailto:)/.test(found)) return false;
  const [path = '', anchor] = found.split('#');
  const file = path === '' ? name : normalize(join(dirname(name), path));
  if (file.startsWith('..') || !existsSync(join(ROOT, file))) return true;
  return anchor !== undefined && (statSync(join(ROOT, file)).isDirectory() || !anchors(read(file)).includes(anchor));
}

describe('the documentation', () => {
  it('is found', () => expect(pages).toEqual(expect.arrayContaining(['README.md', 'docs/architecture.md', 'docs/guides/README.md', 'docs/decisions/README.md'])));

  it('has no link that leads nowhere', () => {
    const links = allOf(pages, /\]\(([^)\s]+)\)/g, prose);
    expect(links.length).toBeGreaterThan(60);
    expect(links.filter(broken)).toEqual([]);
    expect(broken({ name: 'README.md', found: 'docs/nothing.md' }) && broken({ name: 'README.md', found: 'docs/errors.md#nothing' })).toBe(true);
  });

  it('leads to every page from the lists of pages', () => {
    for (const folder of ['docs/guides', 'docs/decisions']) {
      const listed = allOf([`${folder}/README.md`], /\]\(([\w-]+\.md)\)/g).map(({ found }) => found).sort();
      expect(listed).toEqual(pages.filter((name) => dirname(name) === folder && !name.endsWith('README.md')).map((name) => name.slice(folder.length + 1)).sort());
    }
  });

  it('quotes code that is there, line for line', () => {
    const quotes = pages.flatMap((name) => [...read(name).matchAll(/^<!-- from (\S+) -->\n```\w+\n([^]*?)^```$/gm)].map(([, file, code]) => ({ name, file: file!, code: code! })));
    expect(quotes.length).toBeGreaterThan(4);
    for (const { name, file, code } of quotes) expect([name, file, read(file).includes(code)]).toEqual([name, file, true]);
    const unmarked = pages.filter((name) => /(?<!-->\n)^```ts$/m.test(read(name)));
    expect(unmarked).toEqual([]);
  });

  it('names commands of the command line that are there', () => {
    const known = [...read('docs/cli.md').matchAll(/^## heliograph (.+)$/gm)].map(([, command]) => command!);
    const named = allOf(pages, /npx heliograph ((?:[a-z-]+ ?)+)/g).map(({ name, found }) => ({ name, found: found.trim() }));
    expect(named.length).toBeGreaterThan(15);
    expect(named.filter(({ found }) => !known.some((command) => found === command || found.startsWith(`${command} `)))).toEqual([]);
  });

  it('names scripts of package.json that are there', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    expect(allOf(pages, /npm run ([a-z:]+)/g).filter(({ found }) => !(found in scripts))).toEqual([]);
  });

  it('names settings that are there', () => {
    const known = new Set([...read('docs/configuration.md').matchAll(/^\| `([A-Z_]+)`/gm)].map(([, setting]) => setting));
    const own = pages.filter((name) => /^(README\.md|docs\/(guides|decisions|architecture))/.test(name));
    const named = allOf(own, /`([A-Z]+_[A-Z_]+)(?:=[^`]*)?`/g);
    expect(named.length).toBeGreaterThan(8);
    expect(named.filter(({ found }) => !known.has(found))).toEqual([]);
  });

  it('names routes, codes and metrics that are there', () => {
    const paths = Object.keys((JSON.parse(read('docs/openapi.json')) as { paths: object }).paths);
    const own = pages.filter((name) => /^(README\.md|docs\/(guides|architecture))/.test(name));
    expect(allOf(own, /`(?:GET |POST )?(\/api\/v1\/[\w/{}]+|\/(?:health|ready|metrics|docs))`/g).filter(({ found }) => !paths.includes(found))).toEqual([]);
    expect(allOf(own, /\b[45]\d\d `(\w+)`/g).filter(({ found }) => !(found in ERRORS))).toEqual([]);
    const metrics = createMetrics().registry.getMetricsAsArray().map(({ name }) => name);
    const named = allOf(own, /`((?:heliograph|pneumatic)_\w+)`/g);
    expect(named.length).toBeGreaterThan(3);
    expect(named.filter(({ found }) => !metrics.includes(found))).toEqual([]);
  });

  it('lists every metric of ours as it is', () => {
    const rows = [...read('docs/guides/observability.md').matchAll(/^\| `((?:heliograph|pneumatic)_\w+)` \| (\w+) \| ([\w, ]+) \| (.+) \|$/gm)].map(([, name, type, labels, help]) => [name, type, labels, help]);
    const ours = createMetrics().registry.getMetricsAsArray() as unknown as { name: string; type: string; help: string; labelNames: string[] }[];
    expect(rows).toEqual(ours.filter(({ name }) => !/^heliograph_(process|nodejs)_/.test(name)).map(({ name, type, help, labelNames }) => [name, type, labelNames.join(', ') || 'none', help]));
    expect(rows.length).toBeGreaterThan(10);
  });

  it('shows a gateways file that is one', () => {
    const [, json] = /```json\n([^]*?)```/.exec(read('docs/guides/gateways.md'))!;
    expect(parseGateways(json!, defaultGateways({ mockPort: 5555 })).map(({ name }) => name)).toEqual(['http', 'sms', 'slow']);
  });

  it('describes every handler in words', () => {
    for (const [key, { summary }] of SURFACES.flatMap((s) => Object.entries(s.operations))) expect([key, summary.length > 10]).toEqual([key, true]);
  });
});
