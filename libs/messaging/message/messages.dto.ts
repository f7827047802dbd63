import { IsIn, IsInt, IsObject, IsOptional, IsString, Max, Min } from 'class-validator';
import { CodePoints, E164, NoControl, UtcDate } from '#libs/platform/validation/decorators';
import { MESSAGE_STATUSES, type MessageStatus } from './message.events.js';

/** A character is a code point. */
export const BODY_MAX = 1_000;
export const BODY_MAX_BYTES = 8 * 1024;
const PAGE_MAX = 200;
const METADATA_MAX_BYTES = 4 * 1024;

/** What S1's programs send. */
export class S1MessageDto {
  @E164()
  sender_number!: string;

  @IsString() @CodePoints(1, BODY_MAX, { maxBytes: BODY_MAX_BYTES, blank: false }) @NoControl()
  message_body!: string;
}

/** The native body. */
export class NativeMessageDto {
  @E164()
  to!: string;

  @IsString() @CodePoints(1, BODY_MAX, { maxBytes: BODY_MAX_BYTES, blank: false }) @NoControl()
  body!: string;

  @IsOptional() @IsIn(['sms', 'http'])
  channel?: 'sms' | 'http';

  /** one of the configured gateways of the channel */
  @IsOptional() @IsString() @CodePoints(1, 64)
  gateway?: string;

  @IsOptional() @UtcDate()
  send_at?: string;

  @IsOptional() @UtcDate()
  expires_at?: string;

  /** the caller's own; given back, never read */
  @IsOptional() @IsObject()
  metadata?: Record<string, unknown>;
}

export class ListMessagesQuery {
  @IsOptional() @UtcDate()
  created_from?: string;

  @IsOptional() @UtcDate()
  created_to?: string;

  @IsOptional() @IsIn([...MESSAGE_STATUSES])
  status?: MessageStatus;

  /** exactly this number, as S1's sender or as the recipient */
  @IsOptional() @E164()
  sender?: string;

  @IsOptional() @IsString() @CodePoints(1, 100)
  batch?: string;

  /** 50 unless told */
  @IsOptional() @IsInt() @Min(1) @Max(PAGE_MAX)
  limit?: number;

  /** `next` of the page before */
  @IsOptional() @IsString() @CodePoints(1, 500)
  after?: string;
}

export class PageQuery {
  /** 100 unless told */
  @IsOptional() @IsInt() @Min(1) @Max(PAGE_MAX)
  limit?: number;

  @IsOptional() @IsString() @CodePoints(1, 500)
  after?: string;
}

export const metadataTooLarge = (json: string): boolean => Buffer.byteLength(json) > METADATA_MAX_BYTES;
