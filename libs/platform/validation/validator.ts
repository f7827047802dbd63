import { Ajv, type ErrorObject } from 'ajv';
import { plainToInstance } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';
import { Refusal } from '#libs/event-sourcing/errors';
import { isInstant, type JsonSchema } from './decorators.js';
import { type DtoClass, schemaOf } from './schema.js';

/** The manuals' own routes answer 400 `invalid_request`, ours 422 `validation_failed`. */
export type ValidationStyle = 'native' | 'manual';

export interface FieldError {
  field: string;
  message: string;
}

const ajv = new Ajv({ allowUnionTypes: true, strictTypes: false, formats: { 'date-time': isInstant } });
ajv.addKeyword({
  keyword: 'x-max-bytes', type: 'string', schemaType: 'number', errors: false,
  // three bytes for each unit at most: short texts are never measured
  compile: (limit: number) => (text: string) => text.length * 3 <= limit || Buffer.byteLength(text) <= limit,
});

const MAX_ERRORS = 20;
const registered = new Set<DtoClass>();

/** Every DTO that something validates with, for tests that walk them all. */
export const registeredDtos = (): DtoClass[] => [...registered];

/**
 * A function that answers the body, if it is what the DTO's decorators say, and throws a Refusal naming each wrong field if not.
 * The compiled schema decides; class-validator only says what is wrong. What comes out is the value that went in, of plain objects;
 * an optional field that was null is undefined. A body of undefined is `malformed_json`: nothing was sent.
 */
export function validatorOf<T extends object>(dto: DtoClass<T>, { style = 'native' }: { style?: ValidationStyle } = {}): (body: unknown) => T {
  registered.add(dto);
  const schema = schemaOf(dto);
  const check = ajv.compile(schema);
  const dropNulls = nullsOf(schema);
  return (body) => {
    if (check(body)) {
      dropNulls?.(body as Record<string, unknown>);
      return body as T;
    }
    if (body === undefined) throw new Refusal('malformed_json', 'A JSON body is needed.');
    throw refusal(style, errorsOf(dto, body, check.errors?.[0]));
  };
}

export const refusal = (style: ValidationStyle, errors: FieldError[]): Refusal => new Refusal(style === 'manual' ? 'invalid_request' : 'validation_failed', undefined, errors);

function errorsOf(dto: DtoClass, body: unknown, first: ErrorObject | undefined): FieldError[] {
  const own = first === undefined ? [] : [schemaError(first)];
  // class-validator would look at every item of a list that is too long
  if (typeof body !== 'object' || body === null || Array.isArray(body) || first?.keyword === 'maxItems') return own;
  const errors = validateSync(plainToInstance(dto, body), { whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: true, validationError: { target: false, value: false } });
  const named = flatten(errors, '').slice(0, MAX_ERRORS).map(({ field, message }) => ({ field: field.slice(0, 200), message: message.slice(0, 300) }));
  return named.length > 0 ? named : own;
}

const flatten = (errors: readonly ValidationError[], parent: string): FieldError[] =>
  errors.flatMap((error) => {
    const field = join(parent, error.property);
    return [...Object.values(error.constraints ?? {}).map((message) => ({ field, message })), ...flatten(error.children ?? [], field)];
  });

const join = (parent: string, property: string): string => (/^\d+$/.test(property) ? `${parent}[${property}]` : parent === '' ? property : `${parent}.${property}`);

function schemaError({ instancePath, keyword, params, message }: ErrorObject): FieldError {
  const parent = instancePath.split('/').slice(1).reduce((path, part) => join(path, part.replaceAll('~1', '/').replaceAll('~0', '~')), '');
  if (keyword === 'additionalProperties') {
    const name = String(params['additionalProperty']).slice(0, 100);
    return { field: join(parent, name), message: `property ${name} should not exist` };
  }
  if (keyword === 'required') return { field: join(parent, String(params['missingProperty'])), message: `${String(params['missingProperty'])} is missing` };
  return { field: parent, message: message ?? 'is not acceptable' };
}

type Drop = (object: Record<string, unknown>) => void;

/** Turns null into undefined for optional fields, down into nested ones; undefined when the schema has none. */
function nullsOf(schema: JsonSchema): Drop | undefined {
  const fields = Object.entries((schema['properties'] ?? {}) as Record<string, JsonSchema>).flatMap(([name, property]) => {
    const optional = Array.isArray(property.type) && property.type.includes('null');
    const nested = nullsOf(property);
    const each = property['items'] === undefined ? undefined : nullsOf(property['items'] as JsonSchema);
    return optional || nested !== undefined || each !== undefined ? [{ name, optional, nested, each }] : [];
  });
  if (fields.length === 0) return undefined;
  return (object) => {
    for (const { name, optional, nested, each } of fields) {
      const value = object[name];
      if (value === undefined) continue;
      if (value === null) {
        if (optional) object[name] = undefined;
      } else if (nested !== undefined) nested(value as Record<string, unknown>);
      else if (each !== undefined) for (const item of value as Record<string, unknown>[]) each(item);
    }
  };
}

const INTEGER = /^(?:0|-?[1-9]\d{0,15})$/;
const BOOLEAN: Record<string, boolean> = { true: true, false: false };

/**
 * validatorOf for a parsed query string. Only text reaches a DTO, but a field declared as integer, number or boolean is read as one.
 * A key given twice, a bracket (`status[$gt]`) or an unknown key is refused, never understood.
 */
export function queryValidatorOf<T extends object>(dto: DtoClass<T>, options: { style?: ValidationStyle } = {}): (query: unknown) => T {
  const validate = validatorOf(dto, options);
  const properties = schemaOf(dto)['properties'] as Record<string, JsonSchema>;
  const types = new Map(Object.entries(properties).map(([name, property]) => [name, [property.type].flat()]));
  return (query) => {
    const read: Record<string, unknown> = {};
    for (const [key, value] of Object.entries((query ?? {}) as Record<string, unknown>)) {
      const declared = types.get(key);
      if (declared === undefined) throw refusal(options.style ?? 'native', [{ field: key.slice(0, 100), message: `${key.slice(0, 100)} is not a parameter of this address` }]);
      if (typeof value !== 'string') throw refusal(options.style ?? 'native', [{ field: key, message: `${key} must be given once` }]);
      read[key] = readAs(declared, value);
    }
    return validate(read);
  };
}

/** The value meant, or the text itself, which the schema then refuses. */
function readAs(types: readonly unknown[], text: string): unknown {
  if ((types.includes('integer') || types.includes('number')) && INTEGER.test(text)) return Number(text);
  if (types.includes('boolean')) return Object.hasOwn(BOOLEAN, text) ? BOOLEAN[text] : text;
  return text;
}
