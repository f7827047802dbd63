// Only libs/platform/egress opens an outbound connection (T61–T63). What leads out is looked for by name, as an import alone does not tell
// a client from a server. Exceptions are listed here, each with its reason.
import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Path prefix → why it may. */
const EXCEPTIONS = {
  'libs/platform/egress/': 'the guard itself',
  'libs/engines/': 'the drivers of engines',
  'libs/platform/telemetry/': 'the exporter of traces',
  'apps/cli/': 'the socket of the running server, in the data folder',
  'apps/gateway-mock/page.ts': 'a script that a browser runs',
};

const MODULES = 'http|https|http2|net|tls|dgram|dns|dns/promises';
const CLIENT = /^(request|get|connect|createConnection|Agent|ClientRequest|createSocket|lookup|resolve\w*|Resolver|globalAgent|promises)$/;

/** What in this source text leads out, as a list of findings. */
export function outboundIn(text) {
  const bare = text.replace(/\/\*[^]*?\*\//g, '').replace(/(^|[^:'"`])\/\/.*$/gm, '$1');
  const found = [];
  for (const [, names, module] of bare.matchAll(new RegExp(`import\\s+(?!type\\b)([^;'"]+?)\\s+from\\s+['"](?:node:)?(${MODULES})['"]`, 'g'))) {
    if (!names.startsWith('{')) found.push(`all of ${module}`);
    else for (const name of names.slice(1, -1).split(',')) {
      const [imported = ''] = name.trim().split(/\s+as\s+/);
      if (CLIENT.test(imported)) found.push(`${imported} of ${module}`);
    }
  }
  if (new RegExp(`(import|require)\\(\\s*['"](?:node:)?(${MODULES})['"]`).test(bare)) found.push('a dynamic import of a network module');
  if (/(^|[^.\w'"`#])(globalThis\.)?fetch\s*\(/m.test(bare)) found.push('fetch');
  if (/\bnew\s+(TLS)?Socket\s*\(/.test(bare)) found.push('a socket of its own');
  if (/\bnew\s+(WebSocket|EventSource)\s*\(/.test(bare)) found.push('a WebSocket or EventSource client');
  if (/from\s+['"](undici|axios|got|node-fetch)['"]/.test(bare)) found.push('an HTTP client library');
  return found;
}

export function checkOutbound() {
  const problems = [];
  for (const room of ['apps', 'libs', 'projections']) {
    for (const entry of readdirSync(join(ROOT, room), { recursive: true, withFileTypes: true })) {
      const name = relative(ROOT, join(entry.parentPath, entry.name));
      if (!entry.isFile() || !/(?<!\.(spec|contract|d))\.ts$/.test(name) || name.includes('/testing/')) continue;
      const found = outboundIn(readFileSync(join(ROOT, name), 'utf8'));
      const exception = Object.keys(EXCEPTIONS).find((prefix) => name.startsWith(prefix));
      if (!exception) problems.push(...found.map((what) => `${name}: ${what}`));
    }
  }
  return problems;
}
