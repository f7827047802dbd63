import { ROLES } from '#libs/identity/principal';
import { ChangeUserDto, DisableUserDto, ListUsersQuery, NewUserBody, OtherUsersQuery, PanelUserDto, PanelUsersQuery, UserPasswordDto, UserRoleBody } from '#libs/identity/user/users.dto';
import type { JsonSchema } from '#libs/platform/validation/decorators';
import { count, CREATED, json, list, moment, nullable, object, ref, text, WRITTEN, yes, type Operation, type Surface } from '../docs/surface.js';

const ID = text('`usr_…`: whose things are the account\'s. Opaque; never changes.');
const NEXT = nullable(text('Give it as `after` to get the next page; null on the last.'));
const USERNAME = nullable(text('null where there is none'));

const USER = {
  id: ID, username: USERNAME, email: nullable(text('null where there is none')), full_name: nullable(text('null where there is none')),
  role: { type: 'string', enum: [...ROLES] }, status: { type: 'string', enum: ['active', 'disabled'], description: '`disabled`: nothing of the account opens anything' },
  must_change_password: yes('somebody else knows the password: the portal asks for a new one first'),
  created_at: moment('when it was made'), updated_at: moment('when anything of it last changed'),
} satisfies Record<string, JsonSchema>;

const ANSWERS: Surface['answers'] = {
  User: object(USER),
  UserPage: object({ users: list(ref('User')), next: NEXT }),
  UserNumberedPage: object({ users: list(ref('User')), total: count('accounts in all'), page: count('this page, from 1'), per_page: count('accounts on a page'), pages: count('pages in all') }),
  OtherUserPage: object({ users: list(object({ id: ID, username: text('of whoever signed up with an e-mail address alone, the name that he gave: others do not see the address'), full_name: nullable(text('null where there is none')) })), next: NEXT }),
  UserDeleted: object({ id: ID, deleted: yes('true') }),
  RegeneratedToken: object({ id: ID, token: text('The API token. Shown once.'), token_id: text('its id, for lists and for revoking it'), token_type: { type: 'string', const: 'bearer' } }),
  Form: object({
    action: text('where it is sent to'), method: { type: 'string', const: 'POST' }, content_types: list({ type: 'string' }),
    fields: { type: 'object', additionalProperties: { type: 'string' }, description: 'each field, and whether it is needed' },
  }),
};

const FIELDS: Surface['fields'] = {
  username: '1 to 64 letters, digits, dots, underscores and hyphens, of one script; unique whatever its case and width',
  email: 'an e-mail address; unique',
  full_name: '1 to 100 characters',
  password: '8 to 128 characters: upper case, lower case and a digit; with the setting `password_policy: strong` none of the common ones',
  role: '`user` unless told',
  reason: 'why; shown to administrators',
  search: 'the beginning of a username, a full name or its last word, and where administrators look through accounts of an e-mail address; cases are one',
  status: 'only those that stand there now',
  limit: 'accounts on a page',
  after: '`next` of the page before, with the same filters',
  page: 'from 1',
  per_page: '1 to 200; 20 unless told',
  is_admin: 'an administrator\'s account; in a form `on`',
};

const AT = '2026-03-01T09:30:00.000Z';
const SAMPLE = { id: 'usr_0190b5a8c4e97c3a8f1d2e3b4c5d6e7f', username: 'alice', email: 'alice@example.com', full_name: 'Alice Smith', role: 'user', status: 'active', must_change_password: true, created_at: AT, updated_at: AT };
const TOKEN = { id: SAMPLE.id, token: `hgt_${'0'.repeat(32)}_${'0'.repeat(64)}`, token_id: '0'.repeat(32), token_type: 'bearer' };

const user = (description: string, example = SAMPLE): Operation['answers'] => ({ 200: json('User', description, example, WRITTEN) });
const BODY = ['malformed_json', 'payload_too_large', 'validation_failed'] as const;
const CHANGES = ['not_found', 'conflict', 'malformed_json', 'payload_too_large'] as const;
const MANUAL = 'For scripts and forms written against the panel\'s manual (S3): JSON is answered with JSON, a form with 303 to the list.';
const form = (id: string, summary: string): Operation => ({
  id, summary, description: 'The page is the portal\'s; until it is there, this tells in JSON what it would ask for.',
  answers: { 200: json('Form', 'The form.', { action: `/admin/users/${SAMPLE.id}/password`, method: 'POST', content_types: ['application/x-www-form-urlencoded', 'application/json'], fields: { password: 'required' } }) },
  refusals: ['not_found'],
});
const toList = { description: 'A form was taken: the list.', type: 'text/html' };

const OPERATIONS: Surface['operations'] = {
  UsersController_create: {
    id: 'createUser', summary: 'Make an account', description: 'Its person must change the password at the first sign-in. With an `Idempotency-Key` the same request makes one account.',
    headers: ['Idempotency-Key', 'traceparent'],
    body: { schema: ref('NewUser'), examples: { alice: { username: 'alice', email: 'alice@example.com', full_name: 'Alice Smith', password: 'Passw0rd', role: 'user' } } },
    answers: { 201: json('User', 'The account.', SAMPLE, CREATED) }, refusals: [...BODY, 'name_taken', 'idempotency_mismatch'],
  },
  UsersController_list: {
    id: 'listUsers', summary: 'List accounts, by name', query: ListUsersQuery, headers: ['X-Heliograph-Position'],
    answers: { 200: json('UserPage', 'A page of the list.', { users: [SAMPLE], next: null }) }, refusals: ['validation_failed', 'invalid_cursor'],
  },
  UsersController_show: { id: 'showUser', summary: 'Show one account', answers: { 200: json('User', 'The account as it stands.', SAMPLE) }, refusals: ['not_found'] },
  UsersController_change: {
    id: 'changeUser', summary: 'Change what an account is called', body: { schema: ref('ChangeUser'), examples: { name: { username: 'alice.smith' } } },
    answers: user('The account, changed.'), refusals: [...BODY, 'not_found', 'name_taken', 'conflict'],
  },
  UsersController_setPassword: {
    id: 'setUserPassword', summary: 'Set an account\'s password', description: 'Ends all of its sessions and API tokens. The person must change it at the next sign-in. For one\'s own there is `POST /api/v1/profile/password`, which asks for the current one.',
    body: { schema: ref('UserPassword'), examples: { password: { password: 'Passw0rd2' } } }, answers: user('The account.'), refusals: [...BODY, 'not_found', 'conflict'],
  },
  UsersController_changeRole: {
    id: 'changeUserRole', summary: 'Change an account\'s role', body: { schema: ref('UserRole'), examples: { operator: { role: 'operator' } } },
    answers: user('The account.'), refusals: [...BODY, 'not_found', 'last_admin', 'conflict'],
  },
  UsersController_disable: {
    id: 'disableUser', summary: 'Disable an account', description: 'From now on nothing of it opens anything, on open connections too.', body: { schema: ref('DisableUser'), examples: { reason: { reason: 'on leave' }, none: {} } },
    answers: user('The account.', { ...SAMPLE, status: 'disabled' }), refusals: [...BODY, 'not_found', 'last_admin', 'conflict'],
  },
  UsersController_enable: { id: 'enableUser', summary: 'Enable an account again', description: 'Sessions and tokens from before stay ended.', answers: user('The account.'), refusals: CHANGES },
  UsersController_signOut: { id: 'signOutUser', summary: 'End all sessions and API tokens of an account', answers: user('The account.'), refusals: CHANGES },
  UsersController_regenerateToken: { id: 'regenerateUserToken', summary: 'End an account\'s API tokens and make a new one', answers: { 200: json('RegeneratedToken', 'The new token.', TOKEN, WRITTEN) }, refusals: CHANGES },
  UsersController_remove: {
    id: 'deleteUser', summary: 'Delete an account', description: 'For good. What it sent stays; its names are free.',
    answers: { 200: json('UserDeleted', 'It is gone.', { id: SAMPLE.id, deleted: true }, WRITTEN) }, refusals: ['not_found', 'last_admin', 'conflict', 'malformed_json', 'payload_too_large'],
  },
  OtherUsersController_list: {
    id: 'listOtherUsers', summary: 'The others, by name', description: 'Everybody who is not disabled, but oneself; up to 900 on a page.', query: OtherUsersQuery, headers: ['X-Heliograph-Position'],
    answers: { 200: json('OtherUserPage', 'A page of the list.', { users: [{ id: SAMPLE.id, username: 'bob', full_name: 'Bob Smith' }], next: null }) }, refusals: ['invalid_request', 'invalid_cursor'],
  },
  PanelUsersController_list: {
    id: 'panelListUsers', summary: 'All accounts, with page numbers', description: 'In JSON, also where a browser asks: the page is the portal\'s.', query: PanelUsersQuery,
    answers: { 200: json('UserNumberedPage', 'A page of the list.', { users: [SAMPLE], total: 1, page: 1, per_page: 20, pages: 1 }) }, refusals: ['invalid_request'],
  },
  PanelUsersController_createForm: form('panelCreateUserForm', 'What making an account asks for'),
  PanelUsersController_create: {
    id: 'panelCreateUser', summary: 'Make an account, by form', description: MANUAL, body: { schema: ref('PanelUser'), examples: { admin: { username: 'bob', password: 'Passw0rd', is_admin: true } } },
    answers: { 201: json('User', 'The account.', SAMPLE, CREATED), 303: toList }, refusals: ['malformed_json', 'payload_too_large', 'invalid_request', 'name_taken'],
  },
  PanelUsersController_passwordForm: form('panelPasswordForm', 'What setting a password asks for'),
  PanelUsersController_setPassword: {
    id: 'panelSetUserPassword', summary: 'Set an account\'s password, by form', description: MANUAL, body: { schema: ref('UserPassword'), examples: { password: { password: 'Passw0rd2' } } },
    answers: { ...user('The account.'), 303: toList }, refusals: [...CHANGES, 'invalid_request'],
  },
  PanelUsersController_toggle: { id: 'panelToggleUser', summary: 'Disable an account, or enable it', description: MANUAL, answers: { ...user('The account.'), 303: toList }, refusals: [...CHANGES, 'last_admin'] },
  PanelUsersController_deleteForm: form('panelDeleteUserForm', 'What deleting an account asks for'),
  PanelUsersController_remove: {
    id: 'panelDeleteUser', summary: 'Delete an account, by form', description: MANUAL,
    answers: { 200: json('UserDeleted', 'It is gone.', { id: SAMPLE.id, deleted: true }, WRITTEN), 303: toList }, refusals: [...CHANGES, 'last_admin'],
  },
  PanelUsersController_regenerateToken: { id: 'panelRegenerateToken', summary: 'End an account\'s API tokens and make a new one, by form', description: 'Answered with the token to a form too: it is shown once.', answers: { 200: json('RegeneratedToken', 'The new token.', TOKEN, WRITTEN) }, refusals: CHANGES },
};

export const usersSurface: Surface = {
  tag: { name: 'users', description: 'Accounts: who there is, and what administrators do with them' },
  bodies: { NewUser: NewUserBody, ChangeUser: ChangeUserDto, UserPassword: UserPasswordDto, UserRole: UserRoleBody, DisableUser: DisableUserDto, PanelUser: PanelUserDto },
  fields: FIELDS, answers: ANSWERS, operations: OPERATIONS,
};
