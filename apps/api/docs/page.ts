import type { JsonSchema } from '#libs/platform/validation/decorators';

export interface OpenApiParameter { name: string; in: string; required?: boolean; description?: string; schema: JsonSchema; example?: unknown }
export interface Content { schema: JsonSchema; examples?: Record<string, Example> }
export type Example = { value: unknown } | { $ref: string };
export interface OpenApiAnswer { description: string; headers?: Record<string, unknown>; content?: Record<string, Content> }
export interface OpenApiOperation {
  operationId?: string;
  tags?: string[];
  summary?: string;
  description?: string;
  security?: Record<string, string[]>[];
  parameters?: OpenApiParameter[];
  requestBody?: { required: boolean; content: Record<string, Content> };
  responses: Record<string, unknown>;
  [extension: `x-${string}`]: unknown;
}
export interface OpenApiServer { url: string; description: string; variables?: Record<string, { default: string; description: string }> }
/** As much of an OpenAPI document as ours has. */
export interface OpenApiDocument {
  openapi: string;
  info: { title: string; version: string; description: string };
  tags?: { name: string; description: string }[];
  servers: OpenApiServer[];
  paths: Record<string, Record<string, OpenApiOperation>>;
  components: { schemas: Record<string, JsonSchema>; headers?: Record<string, unknown>; examples?: Record<string, { value: unknown }>; securitySchemes?: Record<string, unknown> };
}

/** The page's whole style. The Content-Security-Policy names its hash. */
export const PAGE_STYLE = `
:root{color-scheme:light dark;--line:#8884;--soft:#8881}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem}
h2{border-bottom:1px solid var(--line)}h3{margin:1.5rem 0 .3rem}
code,pre{font-family:ui-monospace,monospace;font-size:.9em}
pre{background:var(--soft);padding:.6rem;overflow:auto;border-radius:4px}
table{border-collapse:collapse;width:100%;display:block;overflow-x:auto}td,th{border-bottom:1px solid var(--line);padding:.25rem .6rem .25rem 0;text-align:left;vertical-align:top}
td code{overflow-wrap:anywhere}td:first-child code{white-space:nowrap}td:nth-child(n+3){min-width:9rem}summary{cursor:pointer}b.m{font-family:ui-monospace,monospace;padding:0 .4rem;border:1px solid var(--line);border-radius:4px}
nav li{list-style:none;overflow-wrap:anywhere;padding:.15rem 0}nav ul{padding:0}nav a{text-decoration:none}nav a code{text-decoration:underline}nav b.m{display:inline-block;min-width:3.6rem;text-align:center;font-size:.85em}a{color:inherit}
`;

const SPECIAL: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const safe = (text: unknown): string => String(text).replace(/[&<>"']/g, (c) => SPECIAL[c]!);
/** Text with `code` in it. */
const prose = (text: string): string => safe(text).replace(/`([^`]+)`/g, '<code>$1</code>');
const shown = (value: unknown): string => `<pre>${safe(JSON.stringify(value, null, 2))}</pre>`;

/** A schema in a few words, with links to the named ones. */
function brief(schema: JsonSchema): string {
  const { $ref, oneOf, allOf, items, type } = schema as JsonSchema & { $ref?: string; oneOf?: JsonSchema[]; allOf?: JsonSchema[]; items?: JsonSchema };
  if ($ref) { const name = safe($ref.split('/').at(-1)); return `<a href="#schema-${name}">${name}</a>`; }
  if (oneOf) return oneOf.map(brief).join(' or ');
  if (allOf) return brief(allOf[0]!);
  if (items) return `list of ${brief(items)}`;
  const limits = ['const', 'enum', 'format', 'pattern', 'minLength', 'maxLength', 'minimum', 'maximum', 'minItems', 'maxItems', 'x-max-bytes'].filter((k) => k in schema).map((k) => `${k} <code>${safe(JSON.stringify(schema[k]))}</code>`);
  return [[type].flat().filter(Boolean).map(safe).join(' or ') || 'anything', ...limits].join(', ');
}

const fields = (schema: JsonSchema): string => {
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, JsonSchema>);
  const required = (schema['required'] ?? []) as string[];
  return properties.length === 0 ? `<p>${brief(schema)}</p>` : `<table><tr><th>field</th><th>form</th><th>meaning</th></tr>${properties.map(([name, property]) =>
    `<tr><td><code>${safe(name)}</code>${required.includes(name) ? '' : ' <small>optional</small>'}</td><td>${brief(property)}</td><td>${prose(String(property['description'] ?? ''))}</td></tr>`).join('')}</table>`;
};

const content = (of: Record<string, Content> | undefined): string => Object.entries(of ?? {}).map(([type, { schema, examples }]) =>
  `<p><code>${safe(type)}</code>: ${brief(schema)}</p>${Object.entries(examples ?? {}).map(([name, example]) => ('$ref' in example ? `<a href="#problem-${safe(name)}"><code>${safe(name)}</code></a> ` : `<details><summary>example: ${safe(name)}</summary>${shown(example.value)}</details>`)).join('')}`).join('');

function operation(path: string, method: string, op: OpenApiOperation): string {
  const roles = op['x-roles'] as string[] | undefined;
  const parameters = (op.parameters ?? []).map((p) => `<tr><td><code>${safe(p.name)}</code></td><td>${safe(p.in)}</td><td>${brief(p.schema)}</td><td>${prose(p.description ?? '')}</td></tr>`).join('');
  const answers = Object.entries(op.responses as Record<string, OpenApiAnswer>).map(([status, answer]) => `<details><summary><b>${safe(status)}</b> ${prose(answer.description)}</summary>${content(answer.content)}
<p>Headers: ${Object.keys(answer.headers ?? {}).map((name) => `<code>${safe(name)}</code>`).join(', ')}</p></details>`).join('');
  return `<section id="${safe(op.operationId)}"><h3><b class="m">${safe(method.toUpperCase())}</b> <code>${safe(path)}</code></h3>
<p><strong>${prose(op.summary ?? '')}.</strong> ${prose(op.description ?? '')}</p>
<p><small>${roles ? `Permission <code>${safe(op['x-permission'])}</code>: ${roles.map(safe).join(', ')}.` : 'Open to all.'}</small></p>
${parameters ? `<h4>Parameters</h4><table><tr><th>name</th><th>in</th><th>form</th><th>meaning</th></tr>${parameters}</table>` : ''}
${op.requestBody ? `<h4>Body</h4>${content(op.requestBody.content)}` : ''}<h4>Answers</h4>${answers}</section>`;
}

/** The document as one HTML page: no script, nothing from elsewhere, readable without either. */
export function pageOf(document: OpenApiDocument): string {
  const all = Object.entries(document.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, op]) => ({ path, method, op })));
  const groups = (document.tags ?? []).map((tag) => ({ ...tag, of: all.filter(({ op }) => op.tags?.includes(tag.name)) }));
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${safe(document.info.title)} API</title><style>${PAGE_STYLE}</style></head><body>
<h1>${safe(document.info.title)} API</h1><p>${prose(document.info.description)}</p><p>The same for programs: <a href="/docs/openapi.json">openapi.json</a> (OpenAPI ${safe(document.openapi)}).</p>
<nav><ul>${all.map(({ path, method, op }) => `<li><a href="#${safe(op.operationId)}"><b class="m">${safe(method.toUpperCase())}</b> <code>${safe(path)}</code></a> ${prose(op.summary ?? '')}</li>`).join('')}</ul></nav>
${groups.map((g) => `<h2>${safe(g.name)}</h2><p>${prose(g.description)}</p>${g.of.map(({ path, method, op }) => operation(path, method, op)).join('')}`).join('')}
<h2>Addresses</h2><table>${document.servers.map(({ url, description, variables }) => `<tr><td><code>${safe(url)}</code></td><td>${prose(description)}${Object.entries(variables ?? {}).map(([name, v]) => ` <code>{${safe(name)}}</code>: ${prose(v.description)}, <code>${safe(v.default)}</code> unless told.`).join('')}</td></tr>`).join('')}</table>
<h2>Signing in</h2><table>${Object.entries(document.components.securitySchemes ?? {}).map(([name, scheme]) => `<tr><td><code>${safe(name)}</code></td><td>${prose(String((scheme as { description?: string }).description))}</td></tr>`).join('')}</table>
<h2>Shapes</h2>${Object.entries(document.components.schemas).map(([name, schema]) => `<section id="schema-${safe(name)}"><h3>${safe(name)}</h3>${fields(schema)}</section>`).join('')}
<h2>Problems</h2>${Object.entries(document.components.examples ?? {}).map(([name, { value }]) => `<section id="problem-${safe(name)}"><h3><code>${safe(name)}</code></h3>${shown(value)}</section>`).join('')}
</body></html>`;
}
