import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { Type } from 'class-transformer';
import { ArrayMaxSize, ArrayMinSize, IsBoolean, IsIn, IsInt, IsObject, IsOptional, IsString, Matches, Max, MaxLength, Min, MinLength, ValidateIf, ValidateNested, validateSync, IsEmail } from 'class-validator';
import { plainToInstance } from 'class-transformer';
import fc from 'fast-check';
import { Refusal } from '#libs/event-sourcing/errors';
import { CodePoints, describeConstraint, E164, isInstant, NoControl, UtcDate } from './decorators.js';
import { schemaOf } from './schema.js';
import { extraFieldsTaken } from './testing/extra-fields.js';
import { queryValidatorOf, validatorOf } from './validator.js';

class Part {
  @E164() to!: string;
  @IsOptional() @IsInt() @Min(0) @Max(9) priority?: number;
}

class Sample {
  @CodePoints(1, 5, { maxBytes: 12, blank: false }) @NoControl() body!: string;
  @IsIn(['sms', 'http']) channel!: string;
  @IsOptional() @UtcDate() at?: string;
  @IsOptional() @IsString() @MinLength(2) @MaxLength(4) @Matches(/^[a-z]*$/) name?: string;
  @IsOptional() @IsBoolean() flag?: boolean;
  @IsOptional() @IsObject() metadata?: Record<string, unknown>;
  @IsOptional() @IsString({ each: true }) @ArrayMinSize(1) @ArrayMaxSize(3) tags?: string[];
  @IsOptional() @ValidateNested({ each: true }) @Type(() => Part) @ArrayMaxSize(3) parts?: Part[];
  @IsOptional() @ValidateNested() @Type(() => Part) part?: Part;
}

const validate = validatorOf(Sample);
const good = (): Record<string, unknown> => ({ body: 'hi', channel: 'sms' });
const refusalOf = (body: unknown, check: (body: unknown) => unknown = validate): Refusal => {
  try {
    check(body);
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('was accepted');
};
const fields = (body: unknown): string[] => (refusalOf(body).errors ?? []).map(({ field }) => field);

describe('schemaOf', () => {
  it('says in JSON Schema what the decorators say', () => {
    expect(schemaOf(Part)).toEqual({
      type: 'object',
      additionalProperties: false,
      required: ['to'],
      properties: { to: { type: 'string', pattern: '^\\+[1-9][0-9]{1,14}$' }, priority: { type: ['integer', 'null'], minimum: 0, maximum: 9 } },
    });
    const { properties } = schemaOf(Sample) as { properties: Record<string, unknown> };
    expect(properties['channel']).toEqual({ type: 'string', enum: ['sms', 'http'] });
    expect(properties['at']).toEqual({ type: ['string', 'null'], format: 'date-time' });
    expect(properties['tags']).toEqual({ type: ['array', 'null'], items: { type: 'string' }, minItems: 1, maxItems: 3 });
    expect(properties['parts']).toMatchObject({ items: schemaOf(Part) });
  });

  it('refuses what it cannot say, when the DTO is first used and not at the first request', () => {
    class Mail { @IsEmail() mail!: string }
    class Maybe { @ValidateIf(() => true) @IsString() a!: string }
    class Flags { @Matches(/a/i) a!: string }
    class Untyped { @ValidateNested() part!: Part }
    class Neither { @IsString() @IsInt() a!: string }
    class Nothing {}
    expect(() => schemaOf(Mail)).toThrow('the decorator "isEmail" has no JSON Schema');
    expect(() => schemaOf(Maybe)).toThrow('Maybe.a: a conditionalValidation has no JSON Schema');
    expect(() => schemaOf(Flags)).toThrow('JSON Schema has no flags');
    expect(() => schemaOf(Untyped)).toThrow('needs @Type');
    expect(() => schemaOf(Neither)).toThrow('exclude each other');
    expect(() => schemaOf(Nothing)).toThrow('would let nothing in');
    describeConstraint('isEmail', () => ({ type: 'string', pattern: '@' }));
    expect(schemaOf(Mail)).toMatchObject({ properties: { mail: { type: 'string', pattern: '@' } } });
  });
});

describe('validatorOf', () => {
  it('answers the body itself, null for an optional field as undefined', () => {
    const body = { ...good(), at: null, tags: ['a'], part: { to: '+12', priority: null }, parts: [{ to: '+13', priority: null }] };
    expect(validate(body)).toBe(body);
    expect(body).toEqual({ ...good(), at: undefined, tags: ['a'], part: { to: '+12', priority: undefined }, parts: [{ to: '+13', priority: undefined }] });
  });

  it('names every wrong field, in lists and below', () => {
    const refused = refusalOf({ channel: 'x', parts: [{ to: '+12' }, { to: '12', priority: 10 }], role: 'admin' });
    expect(refused.code).toBe('validation_failed');
    expect(refused.errors?.map(({ field }) => field)).toEqual(expect.arrayContaining(['body', 'channel', 'parts[1].to', 'parts[1].priority', 'role']));
    expect(refused.errors?.find(({ field }) => field === 'parts[1].to')?.message).toContain('E.164');
  });

  it('answers the manuals\' routes with 400', () => {
    expect(refusalOf({}, validatorOf(Sample, { style: 'manual' })).code).toBe('invalid_request');
  });

  it('takes no body for unreadable, and anything but an object for wrong', () => {
    expect(refusalOf(undefined).code).toBe('malformed_json');
    for (const body of [null, 'text', 1, true, [], [good()]]) expect(refusalOf(body).code).toBe('validation_failed');
  });

  it('T20 refuses 10,000 items where 3 are allowed without looking at each', () => {
    expect(refusalOf({ ...good(), parts: Array.from({ length: 10_000 }, () => ({ to: 'x' })) }).errors).toHaveLength(1);
  });

  it('T22 a constructor does not step round it', () => {
    expect(fields({ constructor: {} })).not.toEqual([]);
    expect(fields({ ...good(), constructor: {} })).toEqual(['constructor']);
    expect(fields(JSON.parse('{"body":"hi","channel":"sms","part":{"to":"+12","constructor":{"name":"Part"}}}'))).toEqual(['part.constructor']);
  });

  it.each([true, 1, {}, ['sms'], { $ne: null }, null])('T24 a %j where a text belongs', (value) => {
    expect(fields({ ...good(), channel: value })).toEqual(['channel']);
    expect(fields({ ...good(), body: value })).toContain('body');
  });

  it('never repeats more than a little of what was sent', () => {
    const refused = refusalOf({ ...good(), ...Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`${i}`.padEnd(5_000, 'x'), 1])) });
    expect(JSON.stringify(refused.errors).length).toBeLessThan(20_000);
  });
});

describe('T23 extra fields', () => {
  it('T23 are refused and named, at every level', () => {
    expect(extraFieldsTaken(Sample)).toEqual([]);
  });

  it('T23 the helper notices a DTO that declares one', () => {
    class Careless {
      @IsString() name!: string;
      @IsOptional() @IsString() role?: string;
    }
    expect(extraFieldsTaken(Careless)).toEqual(['role']);
  });
});

describe('what is wrong with a text', () => {
  it('is that it is none, where it is missing or of another type, and not what no text holds', () => {
    const said = (body: unknown): string[] => (refusalOf(body).errors ?? []).map(({ message }) => message);
    for (const body of [{ channel: 'sms' }, { ...good(), body: 1 }]) expect(said(body)).toEqual([expect.stringMatching(/^body must be a text of 1 to 5 characters/)]);
    expect(said({ ...good(), body: 'a\u0000' })).toEqual(['body must not hold control characters other than line feed and tab']);
  });
});

describe('T40 characters', () => {
  class S1 { @CodePoints(1, 1_000, { maxBytes: 8 * 1024, blank: false }) @NoControl() text!: string }
  const check = validatorOf(S1, { style: 'manual' });
  it.each([
    ['1,000 characters', 'a'.repeat(1_000)],
    ['1,000 emoji', '😀'.repeat(1_000)],
    ['1,000 combining marks', '\u0301'.repeat(1_000)],
    ['line feed and tab', 'a\n\tb'],
    ['right-to-left override, line separator, HTML, template', '\u202E\u2028<script>{{constructor}}'],
  ])('T40 T42 %s: taken as it is', (_, text) => {
    expect(check({ text })).toEqual({ text });
  });
  it.each([
    ['none', ''], ['1,001', 'a'.repeat(1_001)], ['a and 10,000 variation selectors', `a${'\uFE0F'.repeat(10_000)}`], ['999 and 2 variation selectors', `${'a'.repeat(999)}\uFE0F\uFE0F`],
    ['only spaces', '   '], ['1,001 emoji', '😀'.repeat(1_001)], ['NUL', 'a\u0000'], ['escape sequence', '\u001b[2J'], ['half a pair', '\ud83d'], ['carriage return', '\r\n.\r\n'],
    ['C1 control', '\u009b'], ['DEL', '\u007f'],
  ])('T40 T42 %s: 400', (_, text) => {
    expect(refusalOf({ text }, check).code).toBe('invalid_request');
  });
  it('T40 the byte limit holds too', () => {
    class Bytes { @CodePoints(1, 1_000, { maxBytes: 3_000 }) text!: string }
    expect(refusalOf({ text: '😀'.repeat(1_000) }, validatorOf(Bytes)).errors?.[0]?.message).toContain('3000 bytes');
  });
});

describe('T39 numbers', () => {
  const check = validatorOf(Part);
  it.each(['+12', '+123456789012345', '+1234567890'])('T39 %s', (to) => expect(check({ to })).toEqual({ to }));
  it.each(['1234567890', '+1-234-567-890', '+0123456789', '+1', '+1234567890123456', '+1234567890\n', '\n+1234567890', ' +1234567890', '＋1234567890', '+١٢٣٤٥٦٧', 'tel:+1234567890', 1234567890, '+1234567890;ext=1'])(
    'T39 %j: refused', (to) => expect(refusalOf({ to }, check).errors?.[0]?.field).toBe('to'));
});

describe('UtcDate', () => {
  it.each(['2026-03-01T09:30:00Z', '2024-02-29T23:59:59.999Z', '2026-03-01T09:30:00+08:00', '0001-01-01T00:00:00Z'])('%s', (text) => expect(isInstant(text)).toBe(true));
  it.each(['2026-02-29T00:00:00Z', '2026-04-31T00:00:00Z', '2026-03-01', '2026-03-01T09:30:00', '2026-03-01t09:30:00z', '2026-03-01 09:30:00Z', '2026-03-01T24:00:00Z', '2026-03-01T09:30:60Z', '2026-00-01T00:00:00Z', '2026-03-01T09:30:00Z\n', '+02026-03-01T09:30:00Z', '2026-03-01T09:30Z', '2026-03-01T09:30:00+24:00', '1900-02-29T00:00:00Z'])(
    '%j: no instant', (text) => expect(isInstant(text)).toBe(false));
});

describe('the schema and class-validator', () => {
  const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 8 }), fc.constantFrom('sms', 'http', '+12', '+1x', 'ab', '  ', '\u0000', '\ud83d', '😀😀', '2026-01-01T00:00:00Z', '2026-02-30T00:00:00Z'));
  const anything = fc.oneof({ weight: 6, arbitrary: text }, fc.constantFrom(null, undefined, true, 0, -1, 9, 10, 1.5, NaN), fc.constant({}), fc.array(text, { maxLength: 4 }));
  // mostly right values, so that many whole bodies are, and both answers are met
  const mostly = (right: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> => fc.oneof({ weight: 12, arbitrary: right }, { weight: 1, arbitrary: anything });
  const part = fc.record({ to: mostly(fc.constantFrom('+12', '+123456789012345')), priority: mostly(fc.nat(9)) }, { requiredKeys: ['to'] });
  const body = fc.record({
    body: mostly(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 })), channel: mostly(fc.constantFrom('sms', 'http')),
    at: mostly(fc.constantFrom('2026-01-01T00:00:00Z', null)), name: mostly(fc.constantFrom('ab', 'abcd', 'abcde', 'AB')), flag: mostly(fc.boolean()),
    metadata: mostly(fc.dictionary(fc.string(), text)), tags: mostly(fc.array(text, { minLength: 1, maxLength: 3 })), parts: mostly(fc.array(part, { maxLength: 4 })), part: mostly(part),
  }, { requiredKeys: ['body', 'channel'] });
  const accepts = (value: unknown): boolean => {
    try {
      validate(structuredClone(value));
      return true;
    } catch {
      return false;
    }
  };
  it('agree about every body', () => {
    let taken = 0;
    fc.assert(fc.property(body, fc.constantFrom({}, {}, {}, { extra: 1 }), (some, extra) => {
      const value = { ...some, ...extra };
      // an undefined member does not exist in JSON; variation selectors are where class-validator's own lengths are wrong
      const json = JSON.parse(JSON.stringify(value)) as object;
      fc.pre(!/[\ufe0e\ufe0f]/.test(JSON.stringify(json)));
      // class-validator takes a list for a nested object; the schema, which decides, does not
      fc.pre(!Array.isArray((json as Sample).part) && !(json as Sample).parts?.some?.((item) => Array.isArray(item)));
      const byClasses = validateSync(plainToInstance(Sample, json), { whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: true }).length === 0;
      if (byClasses) taken++;
      expect(accepts(json)).toBe(byClasses);
    }), { numRuns: 2_000 });
    expect(taken).toBeGreaterThan(100);
  });
});

describe('queryValidatorOf', () => {
  class List {
    @IsOptional() @IsInt() @Min(1) @Max(200) limit?: number;
    @IsOptional() @IsIn(['queued', 'sent']) status?: string;
    @IsOptional() @IsBoolean() mine?: boolean;
    @IsOptional() @CodePoints(1, 20) @NoControl() search?: string;
  }
  const check = queryValidatorOf(List);
  it('reads numbers and booleans where they are declared, and texts as texts', () => {
    expect(check({ limit: '200', status: 'sent', mine: 'true', search: '12' })).toEqual({ limit: 200, status: 'sent', mine: true, search: '12' });
    expect(check({})).toEqual({});
    expect(check(undefined)).toEqual({});
  });
  it.each([
    ['T24 a bracket', { 'status[$gt]': '' }, 'status[$gt]'],
    ['T24 a key given twice', { status: ['a', 'b'] }, 'status'],
    ['T24 $where', { 'search[$where]': 'sleep(5000)' }, 'search[$where]'],
    ['T24 an unknown key', { sort: '$natural' }, 'sort'],
    ['T22 __proto__', JSON.parse('{"__proto__[x]":"1"}') as object, '__proto__[x]'],
    ['T25 limit=abc', { limit: 'abc' }, 'limit'],
    ['T25 limit=1000000', { limit: '1000000' }, 'limit'],
    ['limit=1e2', { limit: '1e2' }, 'limit'],
    ['limit=0x10', { limit: '0x10' }, 'limit'],
    ['limit empty', { limit: '' }, 'limit'],
    ['limit=1.0', { limit: '1.0' }, 'limit'],
    ['mine=1', { mine: '1' }, 'mine'],
    ['T24 a NUL', { search: '\u0000' }, 'search'],
    ['T25 10,000 characters', { search: 'x'.repeat(10_000) }, 'search'],
  ])('%s: 422', (_, query, field) => {
    const refused = refusalOf(query, check);
    expect(refused.code).toBe('validation_failed');
    expect(refused.errors?.[0]?.field).toBe(field);
  });
});
