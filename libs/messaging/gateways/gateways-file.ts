import { KIND_DEFAULTS } from './default-gateways.js';
import { GATEWAY_KINDS, KIND_OPTIONS } from './gateway-kinds.js';
import type { GatewaySettings } from './gateway.js';

/** Everything that is wrong with a gateways file, at once: `field` is a path such as `gateways[1].retry.everyMs`. */
export class GatewaysFileError extends Error {
  constructor(readonly problems: { field: string; message: string }[]) {
    super(`the gateways file: ${problems.map(({ field, message }) => `${field} ${message}`).join('; ')}`);
    this.name = 'GatewaysFileError';
  }
}

/** What a value must be; `is` tells, `form` says it. */
interface Form {
  is(value: unknown): boolean;
  form: string;
}
const whole = (min: number, max: number): Form => ({ is: (value) => Number.isInteger(value) && (value as number) >= min && (value as number) <= max, form: `is a whole number from ${min} to ${max}` });
const number = (above: number, max: number): Form => ({ is: (value) => typeof value === 'number' && value > above && value <= max, form: `is a number over ${above}, at most ${max}` });
const oneOf = (...values: string[]): Form => ({ is: (value) => typeof value === 'string' && values.includes(value), form: `is one of ${values.join(', ')}` });
const share: Form = { is: (value) => typeof value === 'number' && value >= 0 && value <= 1, form: 'is a number from 0 to 1' };
const DAY = 86_400_000;
const delay = whole(100, DAY);

const FIELDS: Record<Exclude<keyof GatewaySettings, 'retry' | 'circuit' | 'options'>, Form> = {
  name: { is: (value) => typeof value === 'string' && /^[a-z][a-z0-9_-]{0,31}$/.test(value), form: 'is 1 to 32 of a–z, 0–9, _ and -, beginning with a letter' },
  channel: oneOf('http', 'sms'),
  kind: oneOf(...Object.keys(GATEWAY_KINDS)),
  url: { is: isUrl, form: 'is an http or https URL without credentials and fragment' },
  rate: number(0, 100_000),
  concurrency: whole(1, 1_024),
  deadlineMs: whole(1_000, 120_000),
  onUnknown: oneOf('retry', 'hold'),
  receipts: { is: (value) => typeof value === 'boolean', form: 'is true or false' },
};
const CIRCUIT: Record<keyof GatewaySettings['circuit'], Form> = {
  failures: whole(1, 10_000), windowMs: whole(1_000, DAY), windowCalls: whole(1, 100_000), windowShare: number(0, 1), probeMs: whole(1_000, DAY),
};
const RETRY_COMMON: Record<string, Form> = {
  kind: oneOf('constant', 'exponential', 'steps'), attempts: whole(1, 1_000_000), spanMs: whole(1_000, 365 * DAY), jitter: share,
};
const RETRY: Record<GatewaySettings['retry']['kind'], Record<string, Form>> = {
  constant: { ...RETRY_COMMON, everyMs: delay },
  exponential: { ...RETRY_COMMON, minMs: delay, maxMs: delay },
  steps: { ...RETRY_COMMON, stepsMs: { is: (value) => Array.isArray(value) && value.length > 0 && value.length <= 100 && value.every((step) => delay.is(step)), form: `is a list of 1 to 100 delays, each ${delay.form.slice(3)}` } },
};
const pattern: Form = { is: isPattern, form: 'is a regular expression' };
const text: Form = { is: (value) => typeof value === 'string' && value.length <= 1_024, form: 'is text of at most 1024 characters' };
const OPTION_FORMS: Record<string, Form> = { success: pattern, rejection: pattern };

function isUrl(value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false;
  const url = new URL(value);
  return /^https?:$/.test(url.protocol) && url.username === '' && url.password === '' && !value.includes('#');
}
function isPattern(value: unknown): boolean {
  try {
    return typeof value === 'string' && new RegExp(value) instanceof RegExp;
  } catch {
    return false;
  }
}
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

type Report = (field: string, message: string) => void;

/** Reports fields of `value` that are unknown, wrong, or (of `needed`) missing. */
function check(value: unknown, forms: Record<string, Form>, needed: readonly string[], at: string, report: Report): void {
  if (!isObject(value)) return report(at, 'is an object');
  for (const [field, given] of Object.entries(value)) {
    const form = Object.hasOwn(forms, field) ? forms[field] : undefined;
    if (!form) report(`${at}.${field}`, `is not known here; known are ${Object.keys(forms).join(', ')}`);
    else if (!form.is(given)) report(`${at}.${field}`, form.form);
  }
  for (const field of needed) if (!Object.hasOwn(value, field)) report(`${at}.${field}`, `is missing; it ${forms[field]?.form}`);
}

function checkRetry(retry: unknown, at: string, report: Report): void {
  const kind = isObject(retry) && RETRY_COMMON['kind']?.is(retry['kind']) ? (retry['kind'] as GatewaySettings['retry']['kind']) : undefined;
  const forms = kind ? RETRY[kind] : RETRY_COMMON;
  check(retry, forms, Object.keys(forms).filter((field) => field !== 'jitter'), at, report);
  if (kind === 'exponential' && isObject(retry) && (retry['minMs'] as number) > (retry['maxMs'] as number)) report(`${at}.minMs`, 'is at most maxMs');
}

/** The two gateways of the manuals need not say what kind they are. */
const KNOWN_NAMES: Record<string, GatewaySettings['kind']> = { http: 'http', sms: 'sms-http' };

/** One gateway of the file over what it overrides; null when something was reported. */
function parseOne(given: unknown, defaults: readonly GatewaySettings[], at: string, report: Report): GatewaySettings | null {
  let wrong = false;
  const note: Report = (field, message) => {
    wrong = true;
    report(field, message);
  };
  if (!isObject(given)) return note(at, 'is an object'), null;
  const { retry, circuit, options, ...plain } = given;
  const name = typeof plain['name'] === 'string' ? plain['name'] : '';
  const existing = defaults.find((gateway) => gateway.name === name);
  const asked = FIELDS.kind.is(plain['kind']) ? (plain['kind'] as GatewaySettings['kind']) : undefined;
  const kind = asked ?? existing?.kind ?? (Object.hasOwn(KNOWN_NAMES, name) ? KNOWN_NAMES[name] : undefined);
  const base = existing && existing.kind === kind ? existing : undefined;
  check(plain, FIELDS, ['name', ...(kind || 'kind' in plain ? [] : ['kind']), ...(base ? [] : ['url'])], at, note);
  if (circuit !== undefined) check(circuit, CIRCUIT, [], `${at}.circuit`, note);
  if (retry !== undefined) checkRetry(retry, `${at}.retry`, note);
  if (options !== undefined && kind) check(options, Object.fromEntries(Object.keys(KIND_OPTIONS[kind]).map((option) => [option, OPTION_FORMS[option] ?? text])), [], `${at}.options`, note);
  if (wrong || !kind) return null;
  const under = base ?? KIND_DEFAULTS[kind];
  return structuredClone({
    ...under, ...plain,
    circuit: { ...under.circuit, ...(circuit as object | undefined) },
    options: { ...under.options, ...(options as object | undefined) },
    retry: retry === undefined ? under.retry : { jitter: 0, ...(retry as object) },
  }) as GatewaySettings;
}

/**
 * The text of a gateways file: a JSON list of gateways, each a part of `GatewaySettings` with a name. One that `defaults` has is
 * overridden (`circuit` and `options` field by field, `retry` as a whole), another is added and needs `kind` and `url`.
 * Throws `GatewaysFileError` with all that is wrong.
 */
export function parseGateways(json: string, defaults: readonly GatewaySettings[]): GatewaySettings[] {
  let file: unknown;
  try {
    file = JSON.parse(json);
  } catch {
    throw new GatewaysFileError([{ field: 'gateways', message: 'is not JSON' }]);
  }
  if (!Array.isArray(file)) throw new GatewaysFileError([{ field: 'gateways', message: 'is a JSON list of gateways' }]);
  const problems: { field: string; message: string }[] = [];
  const report: Report = (field, message) => problems.push({ field, message });
  const byName = new Map(defaults.map((gateway) => [gateway.name, gateway]));
  const named = new Set<string>();
  file.forEach((given, index) => {
    const at = `gateways[${index}]`;
    const gateway = parseOne(given, defaults, at, report);
    const name: unknown = isObject(given) ? given['name'] : undefined;
    if (typeof name === 'string' && named.has(name)) report(`${at}.name`, `"${name}" is there twice`);
    if (typeof name === 'string') named.add(name);
    if (gateway) byName.set(gateway.name, gateway);
  });
  if (problems.length > 0) throw new GatewaysFileError(problems);
  return [...byName.values()];
}
