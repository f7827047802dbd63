import { ERRORS } from '#libs/event-sourcing/error-codes';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { Damaged, Refusal, Unavailable, VersionConflict } from '#libs/event-sourcing/errors';
import { OPERATIONS, type OperationName } from './operations.js';
import type { Operation, Parts, Running } from './operation.js';

/** What the socket carries, a JSON object per line: one request, then any number of `progress`, then `result` or `error`. */
export interface Asked { operation: string; given: unknown }
export interface Failure {
  /** a code of the error catalogue, or `interrupted` */
  code: string;
  detail: string;
  errors?: { field: string; message: string }[];
}

const ajv = new Ajv({ allErrors: true, strictTypes: false });
const compiled = new Map<string, ValidateFunction>();

/** Checks what is given against the operation's schema, then performs it. @throws Refusal, Unavailable, … */
export async function perform(parts: Parts, { operation: name, given }: Asked, running: Running): Promise<unknown> {
  if (!Object.hasOwn(OPERATIONS, name)) throw new Refusal('not_found', `This Heliograph knows no operation "${name.slice(0, 60)}". Do the server and the command line have the same version?`);
  const operation = OPERATIONS[name as OperationName] as unknown as Operation<object, unknown>;
  let check = compiled.get(name);
  if (!check) compiled.set(name, (check = ajv.compile(operation.given)));
  if (!check(given)) throw new Refusal('validation_failed', undefined, (check.errors ?? []).map(told));
  return operation.run(parts, given as object, running);
}

const told = ({ instancePath, params, message, keyword }: ErrorObject): { field: string; message: string } => ({
  field: instancePath.slice(1).replaceAll('/', '.') || String(params['missingProperty'] ?? params['additionalProperty'] ?? ''),
  message: keyword === 'enum' ? `must be one of ${(params['allowedValues'] as unknown[]).join(', ')}` : keyword === 'required' ? 'is missing' : (message ?? 'is not acceptable'),
});

/** What the asker is told of an error. Only our own words leave: another error's may quote what was being worked on. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Refusal) return { code: error.code, detail: error.message !== error.code ? error.message : error.errors ? 'Not acceptable:' : ERRORS[error.code][2], ...(error.errors ? { errors: error.errors } : {}) };
  if (error instanceof Unavailable) return { code: 'unavailable', detail: `${error.message}. Try again in a moment.` };
  if (error instanceof VersionConflict) return { code: 'conflict', detail: 'Something else changed this at the same time. Try again.' };
  if (error instanceof Damaged) return { code: 'internal', detail: error.message };
  if (error instanceof Error && error.name === 'AbortError') return { code: 'unavailable', detail: 'The server is shutting down. What was begun is taken up at its next start.' };
  return { code: 'internal', detail: error instanceof Error ? error.message : String(error) };
}
