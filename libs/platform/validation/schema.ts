import 'reflect-metadata';
import { defaultMetadataStorage } from 'class-transformer/cjs/storage.js';
import { getMetadataStorage } from 'class-validator';
import { fragmentOf, type JsonSchema } from './decorators.js';

/** A class whose properties carry class-validator's decorators. */
export type DtoClass<T extends object = object> = new () => T;

/** What class-validator recorded of one decorator; its own type leaves out `name`. */
interface Rule {
  type: string;
  name?: string;
  propertyName: string;
  each: boolean;
  constraints?: readonly unknown[];
}

const schemas = new WeakMap<DtoClass, JsonSchema>();

/** The JSON Schema of a DTO class, read from its decorators: no other field is let in, `@IsOptional()` fields may be absent or null. */
export function schemaOf(dto: DtoClass): JsonSchema {
  const known = schemas.get(dto);
  if (known !== undefined) return known;
  const rules = new Map<string, Rule[]>();
  const recorded: readonly Rule[] = getMetadataStorage().getTargetValidationMetadatas(dto, '', false, false);
  for (const rule of recorded) rules.set(rule.propertyName, [...(rules.get(rule.propertyName) ?? []), rule]);
  if (rules.size === 0) throw new Error(`${dto.name} has no decorated property: it would let nothing in`);
  const required: string[] = [];
  const properties: Record<string, JsonSchema> = {};
  for (const [property, ofProperty] of rules) {
    const optional = ofProperty.some((rule) => rule.name === 'isOptional');
    if (!optional) required.push(property);
    const schema = propertySchema(dto, property, ofProperty.filter((rule) => rule.name !== 'isOptional'));
    properties[property] = optional ? nullable(schema) : schema;
  }
  const schema: JsonSchema = { type: 'object', additionalProperties: false, properties, ...(required.length === 0 ? {} : { required }) };
  schemas.set(dto, schema);
  return schema;
}

function propertySchema(dto: DtoClass, property: string, rules: readonly Rule[]): JsonSchema {
  let whole: JsonSchema = {};
  let items: JsonSchema | undefined;
  for (const rule of rules) {
    const fragment = ruleSchema(dto, property, rule);
    if (rule.each) items = merge(items ?? {}, fragment, `${dto.name}.${property}[]`);
    else whole = merge(whole, fragment, `${dto.name}.${property}`);
  }
  if (items !== undefined) whole = merge(whole, { type: 'array', items }, `${dto.name}.${property}`);
  if (whole.type === undefined) throw new Error(`${dto.name}.${property}: its decorators say no type`);
  return whole;
}

function ruleSchema(dto: DtoClass, property: string, rule: Rule): JsonSchema {
  if (rule.type === 'nestedValidation') {
    const type = defaultMetadataStorage.findTypeMetadata(dto, property);
    if (type === undefined) throw new Error(`${dto.name}.${property}: @ValidateNested() needs @Type(() => …) beside it`);
    return schemaOf(type.typeFunction() as DtoClass);
  }
  if (rule.name === undefined) throw new Error(`${dto.name}.${property}: a ${rule.type} has no JSON Schema`);
  return fragmentOf(rule.name, rule.constraints ?? []);
}

const narrower: Record<string, (a: number, b: number) => number> = {
  minLength: Math.max, maxLength: Math.min, minimum: Math.max, maximum: Math.min, minItems: Math.max, maxItems: Math.min, minProperties: Math.max, 'x-max-bytes': Math.min,
};

/** Both at once; throws where they exclude each other. */
function merge(a: JsonSchema, b: JsonSchema, where: string): JsonSchema {
  const merged: JsonSchema = { ...a };
  for (const [keyword, value] of Object.entries(b)) {
    const before = merged[keyword];
    if (before === undefined || JSON.stringify(before) === JSON.stringify(value)) merged[keyword] = value;
    else if (narrower[keyword] !== undefined) merged[keyword] = narrower[keyword](before as number, value as number);
    else if (keyword === 'pattern') merged['allOf'] = [...((merged['allOf'] as JsonSchema[] | undefined) ?? []), { pattern: value }];
    else if (keyword === 'type' && [before, value].includes('integer') && [before, value].includes('number')) merged.type = 'integer';
    else throw new Error(`${where}: its decorators exclude each other (${keyword})`);
  }
  return merged;
}

function nullable(schema: JsonSchema): JsonSchema {
  const result: JsonSchema = { ...schema, type: [...[schema.type as string | string[]].flat(), 'null'] };
  if (Array.isArray(schema['enum'])) result['enum'] = [...(schema['enum'] as unknown[]), null];
  return result;
}
