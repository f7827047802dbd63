import { describe, expect, it } from '@jest/globals';
import { BadRequestException, HttpException, ImATeapotException, InternalServerErrorException } from '@nestjs/common';
import { errorCodes } from 'fastify';
import { ERRORS, type ErrorCode } from '#libs/event-sourcing/error-codes';
import { Damaged, Refusal, TooLarge, Unavailable, VersionConflict } from '#libs/event-sourcing/errors';
import { problemOf } from './problem.js';

const at = { instance: '/api/v1/messages?token=secret', requestId: 'r-1' };

describe('problemOf', () => {
  it.each(Object.keys(ERRORS) as ErrorCode[])('answers a refusal %s as the catalogue says', (code) => {
    const { status, headers, body, defect } = problemOf(new Refusal(code), at);
    expect({ status, body, defect }).toEqual({
      status: ERRORS[code][0],
      body: { type: `urn:heliograph:error:${code}`, title: ERRORS[code][1], status: ERRORS[code][0], detail: ERRORS[code][2], instance: '/api/v1/messages', code },
      defect: false,
    });
    expect(headers).toMatchObject({ 'content-type': 'application/problem+json', 'x-request-id': 'r-1' });
    if (status === 429 || status === 503) expect(headers['retry-after']).toMatch(/^\d+$/);
  });

  it('keeps the detail, the errors and the members of a refusal, and its reserved members', () => {
    const refusal = new Refusal('validation_failed', 'No.', [{ field: 'to', message: 'is missing' }], { index: 3, status: 200, retryAfter: 2.5, allow: ['GET', 'HEAD'] });
    const { headers, body } = problemOf(refusal, at);
    expect(body).toMatchObject({ status: 422, detail: 'No.', errors: [{ field: 'to', message: 'is missing' }], index: 3 });
    expect(headers).toMatchObject({ 'retry-after': '3', allow: 'GET, HEAD' });
    expect(body).not.toHaveProperty('retryAfter');
  });

  it.each([
    ['an engine that cannot take more', new Unavailable('the store', 2500), 503, 'unavailable'],
    ['a lost race', new VersionConflict('message-1', 3), 409, 'conflict'],
    ['an append over the limit', new TooLarge(2, 1), 413, 'payload_too_large'],
    ['a body over the limit', new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE(), 413, 'payload_too_large'],
    ['a media type', new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE('x/y'), 415, 'unsupported_media_type'],
    ['a false length', new errorCodes.FST_ERR_CTP_INVALID_CONTENT_LENGTH(), 400, 'malformed_json'],
    ['a framework error that Nest wrapped', new HttpException('x', 413, { cause: new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE() }), 413, 'payload_too_large'],
    ['a path that cannot be decoded', new errorCodes.FST_ERR_BAD_URL('/%zz'), 404, 'not_found'],
    ['an exception of Nest', new BadRequestException('internal words'), 400, 'invalid_request'],
  ])('%s', (_, error, status, code) => {
    const answer = problemOf(error, at);
    expect([answer.status, answer.body.code, answer.defect]).toEqual([status, code, false]);
    expect(JSON.stringify(answer)).not.toMatch(/internal words|message-1|x\/y/);
  });

  it.each([
    ['an Error with SQL and a password', new Error('SELECT * FROM users WHERE password = "hunter2"')],
    ['stored data that is damaged', new Damaged('checksum')],
    ['a text', 'hunter2'],
    ['nothing', undefined],
    ['a 500 of Nest', new InternalServerErrorException('hunter2')],
    ['a status that the catalogue does not know', new ImATeapotException('hunter2')],
  ])('T28 %s: 500 with a fixed detail, and marked as a defect', (_, error) => {
    const { status, body, defect } = problemOf(error, at);
    expect({ status, detail: body.detail, defect }).toEqual({ status: 500, detail: ERRORS.internal[2], defect: true });
    expect(JSON.stringify(body)).not.toMatch(/SELECT|hunter2|stack/);
  });

  it('says how long to wait, rounded up', () => {
    expect(problemOf(new Unavailable('x', 2500), at).headers['retry-after']).toBe('3');
    expect(problemOf(new Unavailable('x', 1), at).headers['retry-after']).toBe('1');
  });
});
