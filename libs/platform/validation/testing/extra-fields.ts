import { Refusal } from '#libs/event-sourcing/errors';
import type { JsonSchema } from '../decorators.js';
import { type DtoClass, schemaOf } from '../schema.js';
import { validatorOf } from '../validator.js';

/** What a client must never set about itself or about what is stored (T23). */
export const FORBIDDEN_FIELDS = ['role', 'isAdmin', 'owner_id', 'owner', 'tenant_id', 'created_at', 'attempts', 'version', 'position', 'revision', '__v', '_id'];

/**
 * Of these fields, the ones that this DTO, or an object inside it, would take; `*` for one that takes any. Empty is right.
 * Over `registeredDtos()` it covers a new DTO on the day that it is first used.
 */
export function extraFieldsTaken(dto: DtoClass, forbidden: readonly string[] = FORBIDDEN_FIELDS): string[] {
  const validate = validatorOf(dto);
  const inside = objectsIn(schemaOf(dto)).flatMap((object) =>
    object['additionalProperties'] === false ? forbidden.filter((field) => Object.hasOwn(object['properties'] as object, field)) : ['*']);
  const refused = new Set(forbidden.flatMap((field) => namedBy(validate, field)));
  return [...new Set([...inside, ...forbidden.filter((field) => !refused.has(field))])];
}

/** The fields that a refusal of `{ [field]: 'x' }` names as not belonging there. */
function namedBy(validate: (body: unknown) => object, field: string): string[] {
  try {
    validate({ [field]: 'x' });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return (error.errors ?? []).filter(({ message }) => message.includes('should not exist')).map((named) => named.field);
  }
  return [];
}

/** The schemas of DTOs: this one and those nested in it. An `@IsObject()` field has no properties of its own: it is the client's. */
function objectsIn(schema: JsonSchema): JsonSchema[] {
  if (schema['items'] !== undefined) return objectsIn(schema['items'] as JsonSchema);
  if (schema['properties'] === undefined) return [];
  return [schema, ...Object.values(schema['properties'] as Record<string, JsonSchema>).flatMap(objectsIn)];
}
