import { destination, pino, stdTimeFunctions } from 'pino';

/** All that a line may say beside its message. What is not named here is left out, so that no body, number or secret gets in by accident. */
export interface LogFields {
  requestId?: string;
  method?: string;
  /** the route's template, never the path */
  route?: string;
  status?: number;
  ms?: number;
  /** kind and id of a credential */
  principal?: string;
  gateway?: string;
  outcome?: string;
  problem?: string;
  attempt?: number;
  /** of a closed set */
  reason?: string;
  part?: string;
  err?: unknown;
}
const ALLOWED: readonly (keyof LogFields)[] = ['requestId', 'method', 'route', 'status', 'ms', 'principal', 'gateway', 'outcome', 'problem', 'attempt', 'reason', 'part'];

type Say = (fields: LogFields, message: string) => void;
export interface Log { error: Say; warn: Say; info: Say; debug: Say; enabled(level: 'debug' | 'info'): boolean }

const ERROR_MAX = 300;

/** What an error says, without what it quotes: text in quotes and long numbers are most often somebody's data. */
export const withoutData = (text: string): string =>
  text.replace(/"[^"]*"|'[^']*'|`[^`]*`/g, '"…"').replace(/\+?\d{6,}/g, '…').slice(0, ERROR_MAX);

/** Where it was thrown; its first lines repeat the message, which may be long. */
const framesOf = (stack: string | undefined): string[] => (stack ?? '').split('\n').filter((line) => /^\s+at /.test(line)).slice(0, 12).map((line) => line.trim());

function errorFields(err: unknown): object {
  if (!(err instanceof Error)) return { type: typeof err };
  const { code } = err as { code?: unknown };
  return { type: err.name, ...(typeof code === 'string' ? { code } : {}), message: withoutData(err.message), stack: framesOf(err.stack) };
}

/** Unicode's own control characters stand in JSON as they are, but must not reach a terminal. */
const CONTROLS = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;
const escaped = (line: string): string => line.replace(CONTROLS, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** One JSON line per entry: `time`, `level`, the allowed fields, `msg`. @param out where lines go; stdout unless told */
export function createLog(level: string, out: { write(line: string): unknown } = destination(1)): Log {
  const logger = pino({
    level, base: null, timestamp: stdTimeFunctions.isoTime,
    formatters: {
      level: (label) => ({ level: label }),
      log: (fields) => {
        const kept: Record<string, unknown> = {};
        for (const name of ALLOWED) if (fields[name] !== undefined) kept[name] = fields[name];
        if (fields['err'] !== undefined) kept['error'] = errorFields(fields['err']);
        return kept;
      },
    },
  }, { write: (line: string) => { out.write(escaped(line)); } });
  const say = (at: 'error' | 'warn' | 'info' | 'debug'): Say => (fields, message) => logger[at](fields, message);
  return { error: say('error'), warn: say('warn'), info: say('info'), debug: say('debug'), enabled: (at) => logger.isLevelEnabled(at) };
}
