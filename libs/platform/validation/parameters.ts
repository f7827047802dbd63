import { createParamDecorator } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { DtoClass } from './schema.js';
import { queryValidatorOf, type ValidationStyle, validatorOf } from './validator.js';

/** `@ValidBody(SendDto) body: SendDto`: the body, checked; made once per route, one call per request, no pipe. */
export const ValidBody = (dto: DtoClass, options?: { style?: ValidationStyle }): ParameterDecorator => {
  const validate = validatorOf(dto, options);
  return createParamDecorator((_data, context) => validate(context.switchToHttp().getRequest<FastifyRequest>().body))();
};

/** `@ValidQuery(ListDto) query: ListDto`: the query string, checked. */
export const ValidQuery = (dto: DtoClass, options?: { style?: ValidationStyle }): ParameterDecorator => {
  const validate = queryValidatorOf(dto, options);
  return createParamDecorator((_data, context) => validate(context.switchToHttp().getRequest<FastifyRequest>().query))();
};
