import 'reflect-metadata';
import { globSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { getMetadataStorage } from 'class-validator';
import { extraFieldsTaken } from '#libs/platform/validation/testing/extra-fields';
import { type DtoClass, schemaOf } from '#libs/platform/validation/schema';
import { ThingDto } from './http-app.js';

const root = new URL('../../', import.meta.url);

/** Every exported class of every .dto.ts that declares fields, so that a new one is covered on the day it appears. */
async function allDtos(): Promise<[string, DtoClass][]> {
  const files = globSync('libs/**/*.dto.ts', { cwd: root }).sort();
  const found = await Promise.all(files.map(async (file) => {
    const exported = (await import(new URL(file, root).pathname)) as Record<string, unknown>;
    return Object.entries(exported).flatMap(([name, value]) =>
      typeof value === 'function' && getMetadataStorage().getTargetValidationMetadatas(value, '', false, false).length > 0 ? [[`${file} ${name}`, value as DtoClass] as [string, DtoClass]] : []);
  }));
  return found.flat();
}

const dtos = [...(await allDtos()), ['the app of these tests ThingDto', ThingDto] as [string, DtoClass]];

/** Where such a field is what the request is about: routes of administrators alone (the page of permissions is tested route by route). */
const ITS_SUBJECT: Record<string, string[]> = { NewUserBody: ['role'], UserRoleBody: ['role'], IssueCertificateDto: ['role', 'owner'] };

describe('T23 every DTO', () => {
  it.each(dtos)('T23 %s has a schema and lets no other field in', (_, dto) => {
    expect(schemaOf(dto)).toMatchObject({ type: 'object', additionalProperties: false });
  });

  // a query sets nothing: what it filters by is its own
  it.each(dtos.filter(([name]) => !name.endsWith('Query')))('T23 %s takes nothing that a client must not set', (_, dto) => {
    expect(extraFieldsTaken(dto)).toEqual(ITS_SUBJECT[dto.name] ?? []);
  });
});
