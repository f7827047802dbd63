import type { Position, StoredEvent } from '#libs/event-sourcing/event';
import { categoryOf } from '#libs/event-sourcing/running/event-registry';
import type { Permission, Principal } from '#libs/identity/principal';
import type { SessionEvents } from '#libs/identity/session/session.events';
import type { UserEvents } from '#libs/identity/user/user.events';
import type { MessageEvents, MessageStatus } from '#libs/messaging/message/message.events';
import { holdsRight } from '../permitted.js';

/**
 * The one table from what is kept to what is told: private events of the log on the left, published frames on the right. A frame's type and
 * fields, once released, keep their meaning. Nothing sealed is in it: no text, no number, no name, no address.
 */
export interface Published {
  /** what is sent: `{type, position, at, …}`, flat */
  frame: { type: string; position: Position; at: string; [field: string]: unknown };
  /** who may see it: whoever holds the right, and where an owner is named, is that owner */
  right: Exclude<Permission, 'public'>;
  owner: string | null;
}

type Told<Events> = { [T in keyof Events]: ((data: Events[T], stream: string) => Record<string, unknown>) | null };

/** Beside `message.{status}` with id, batch and status: what the event itself says. null: nobody is told. */
const MESSAGE: Told<MessageEvents> = {
  MessageAccepted: ({ channel, gateway, segments, sendAt }) => ({ channel, gateway, segments, next_attempt_at: sendAt }),
  AttemptStarted: ({ n, gateway }) => ({ attempt: n, gateway }),
  AttemptSent: ({ n, gateway }) => ({ attempt: n, gateway }),
  AttemptFailed: ({ n, gateway, problem, retryAt }) => ({ attempt: n, gateway, problem, next_attempt_at: retryAt }),
  AttemptUnknown: ({ n, gateway, problem, retryAt }) => ({ attempt: n, gateway, problem, next_attempt_at: retryAt }),
  AttemptNotMade: ({ n, gateway, retryAt }) => ({ attempt: n, gateway, next_attempt_at: retryAt }),
  MessageDead: ({ reason }) => ({ reason }),
  MessageExpired: () => ({}),
  CancelRequested: null,
  MessageCancelled: ({ reason }) => ({ reason }),
};
/** `user.created` */
const USER: Told<UserEvents> = {
  UserRegistered: ({ role, origin }, stream) => ({ user_id: idOf(stream), role, origin }),
  UserProfileChanged: null, PasswordChanged: null, UserSignedOut: null, UserRoleChanged: null, UserDisabled: null, UserEnabled: null, UserDeleted: null,
  PasswordResetRequested: null, PasswordResetMailStarted: null, PasswordResetMailEnded: null,
};
/** `user.login` */
const SESSION: Told<SessionEvents> = {
  SessionStarted: ({ owner, how }) => ({ user_id: owner, how }),
  SessionRefreshed: null, SessionEnded: null,
};

const idOf = (stream: string): string => stream.slice(stream.indexOf('-') + 1);
const teller = (of: object, type: string): ((data: unknown, stream: string) => Record<string, unknown>) | null => (Object.hasOwn(of, type) ? (of as Record<string, never>)[type]! : null);

/** A message's event is told when it moves the message. */
function ofMessage({ stream, type, data, tags, position, metadata: { at } }: StoredEvent): Published | null {
  const { from, to } = data as { from?: MessageStatus; to?: MessageStatus };
  const tell = teller(MESSAGE, type);
  if (tell === null || to === undefined || to === from) return null;
  return { right: 'messages:read', owner: tags.owner, frame: { type: `message.${to}`, position, at, id: idOf(stream), batch: tags.parent ?? null, status: to, ...tell(data, stream) } };
}

const ofAccount = (of: object, name: string) => ({ stream, type, data, position, metadata: { at } }: StoredEvent): Published | null => {
  const tell = teller(of, type);
  return tell && { right: 'admin:read', owner: null, frame: { type: name, position, at, ...tell(data, stream) } };
};

const BY_CATEGORY = new Map([['message', ofMessage], ['user', ofAccount(USER, 'user.created')], ['session', ofAccount(SESSION, 'user.login')]]);

/** The streams in which what is published happens. */
export const PUBLISHED_PREFIXES = [...BY_CATEGORY.keys()].map((category) => `${category}-`);

/** What is told of an event in its newest version; null: nothing. */
export const published = (event: StoredEvent): Published | null => BY_CATEGORY.get(categoryOf(event.stream))?.(event) ?? null;

/** Nothing is broadcast: whether this somebody may see it. */
export const maySee = (principal: Principal, { right, owner }: Pick<Published, 'right' | 'owner'>): boolean =>
  (owner === null || owner === principal.owner) && holdsRight(right, principal);

/** A name as published, or `*` for the rest of it: `message.sent`, `message.*`, `*`. */
export const EVENT_PATTERN = /^(\*|[a-z0-9_-]+(\.[a-z0-9_-]+)*(\.\*)?)$/;

/** Whether one of these patterns means this name. */
export function wanted(patterns: ReadonlySet<string>, name: string): boolean {
  if (patterns.has(name) || patterns.has('*')) return true;
  for (let dot = name.lastIndexOf('.'); dot > 0; dot = name.lastIndexOf('.', dot - 1)) if (patterns.has(`${name.slice(0, dot)}.*`)) return true;
  return false;
}
