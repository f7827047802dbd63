import { ArrayMaxSize, ArrayMinSize, IsArray, IsIn, IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { EVENT_PATTERN } from './published.js';

/** Patterns of one socket. */
export const MOST_PATTERNS = 100;
const POSITION = /^[0-9A-Za-z.:-]{1,64}$/;

class EventsFrame {
  @IsArray() @ArrayMinSize(1) @ArrayMaxSize(MOST_PATTERNS) @IsString({ each: true }) @MaxLength(100, { each: true }) @Matches(EVENT_PATTERN, { each: true })
  events!: string[];
}

export class SubscribeFrame extends EventsFrame {
  @IsIn(['subscribe'])
  type!: 'subscribe';

  /** what was seen last: everything after it is shown before what happens from now on */
  @IsOptional() @IsString() @Matches(POSITION)
  position?: string;
}

export class UnsubscribeFrame extends EventsFrame {
  @IsIn(['unsubscribe'])
  type!: 'unsubscribe';
}

export class ResumeFrame {
  @IsIn(['resume'])
  type!: 'resume';

  @IsString() @Matches(POSITION)
  position!: string;
}
