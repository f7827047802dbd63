import { Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Refusal } from '#libs/event-sourcing/errors';
import { ListMessagesQuery, NativeMessageDto, PageQuery, S1MessageDto } from '#libs/messaging/message/messages.dto';
import { HttpRoute } from '#libs/platform/http/route-options';
import { queryValidatorOf, validatorOf } from '#libs/platform/validation/validator';
import { Permit } from '../permission.js';
import type { SignedIn } from '../principal.guard.js';
import { answer, askingOf } from '../request.js';
import { Messages } from './messages.js';

const s1 = validatorOf(S1MessageDto, { style: 'manual' });
const native = validatorOf(NativeMessageDto);
const listQuery = queryValidatorOf(ListMessagesQuery);
const pageQuery = queryValidatorOf(PageQuery);

const BATCH_MOST = 1_000;
const BATCH_BYTES = 8 * 1024 * 1024;

const isObject = (value: unknown): value is Record<string, unknown> => value !== null && typeof value === 'object' && !Array.isArray(value);

@Controller('api/v1/messages')
export class MessagesController {
  constructor(private readonly messages: Messages) {}

  /** Accepts one message: S1's body or the native one. */
  @Post() @Permit('messages:send') @HttpRoute({ manualForm: /"(?:sender_number|message_body)"\s*:/ })
  async accept(@Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    const body: unknown = request.body;
    const ofS1 = isObject(body) && ('sender_number' in body || 'message_body' in body);
    if (ofS1 && ('to' in body || 'body' in body)) throw new Refusal('validation_failed', 'The body mixes two forms: send either sender_number and message_body, or to and body.', ['sender_number', 'message_body', 'to', 'body'].filter((f) => f in body).map((field) => ({ field, message: 'belongs to one of two forms; send one form only' })));
    answer(reply, ofS1 ? await this.messages.acceptS1(checkedS1(body), askingOf(request)) : await this.messages.acceptNative(native(body), askingOf(request)));
  }

  /** Accepts 1 to 1,000 native messages; each is answered for itself. */
  @Post('batch') @HttpCode(207) @Permit('messages:send') @HttpRoute({ bodyLimit: BATCH_BYTES })
  async acceptBatch(@Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    const body: unknown = request.body;
    const items = isObject(body) ? body['messages'] : undefined;
    const extra = isObject(body) ? Object.keys(body).filter((k) => k !== 'messages') : [];
    if (!Array.isArray(items) || items.length < 1 || items.length > BATCH_MOST || extra.length > 0) {
      throw new Refusal('validation_failed', undefined, [...extra.map((field) => ({ field, message: 'is not a known field' })), ...(Array.isArray(items) && items.length >= 1 && items.length <= BATCH_MOST ? [] : [{ field: 'messages', message: `must be a list of 1 to ${BATCH_MOST} messages` }])]);
    }
    answer(reply, await this.messages.acceptBatch(items, native, askingOf(request)));
  }

  /** Lists one's own messages, newest first; administrators see everybody's. */
  @Get() @Permit('messages:read')
  async list(@Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    answer(reply, await this.messages.list(listQuery(request.query), askingOf(request)));
  }

  @Get(':id') @Permit('messages:read')
  async show(@Param('id') id: string, @Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    answer(reply, await this.messages.show(id, askingOf(request)));
  }

  /** The message's whole life, from its first event. */
  @Get(':id/events') @Permit('messages:read')
  async life(@Param('id') id: string, @Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    answer(reply, await this.messages.life(id, pageQuery(request.query), askingOf(request)));
  }

  /** Who read it that is not its owner. */
  @Get(':id/looks') @Permit('messages:read')
  async looks(@Param('id') id: string, @Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    answer(reply, await this.messages.looks(id, pageQuery(request.query), askingOf(request)));
  }

  @Post(':id/cancel') @Permit('messages:send')
  async cancel(@Param('id') id: string, @Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    answer(reply, await this.messages.cancel(id, askingOf(request)));
  }
}

/** S1's manual promises its own word for a bad number. */
function checkedS1(body: unknown): S1MessageDto {
  try { return s1(body); } catch (error) {
    if (error instanceof Refusal && error.errors?.some((e) => e.field === 'sender_number')) throw new Refusal('invalid_sender_number', undefined, error.errors);
    throw error;
  }
}
