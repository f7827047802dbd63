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

describe('T23 every DTO', () => {
  it.each(dtos)('T23 %s has a schema and lets no other field in', (_, dto) => {
    expect(schemaOf(dto)).toMatchObject({ type: 'object', additionalProperties: false });
  });

  it.each(dtos.filter(([name]) => name.endsWith('Dto')))('T23 %s takes nothing that a client must not set', (_, dto) => {
    expect(extraFieldsTaken(dto)).toEqual([]);
  });
});
