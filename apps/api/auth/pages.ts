import { createHash } from 'node:crypto';
import type { FastifyReply } from 'fastify';

/** The few pages that are there before the portal is: forms without a script, so that S3's addresses work in any browser. */
const STYLE = `:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; min-height: 100vh; display: grid; place-items: center; background: light-dark(#f5f6f8, #16181d); color: light-dark(#1b1f24, #e6e8eb); }
main { width: min(22rem, 100% - 2rem); padding: 1.5rem; border-radius: .75rem; background: light-dark(#fff, #1f2228); border: 1px solid light-dark(#d8dce2, #3a3f47); }
h1 { font-size: 1.35rem; margin: 0 0 1rem; } label { display: block; margin: 0 0 .75rem; }
input { display: block; box-sizing: border-box; width: 100%; font: inherit; padding: .5rem; margin-top: .25rem; border: 1px solid light-dark(#8b93a0, #6b7482); border-radius: .4rem; background: transparent; color: inherit; }
button { font: inherit; width: 100%; padding: .55rem; border: 0; border-radius: .4rem; background: #1f5fd0; color: #fff; cursor: pointer; }
[role=alert] { color: light-dark(#a3261b, #ff8f80); } p { margin: .75rem 0 0; } p[role] { margin: 0 0 .75rem; }
`;
const POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`;

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escaped = (text: string): string => text.replace(/[&<>"']/g, (c) => ESCAPES[c]!);

interface Field { name: string; label: string; type: 'text' | 'email' | 'password'; autocomplete: string }
const inputOf = ({ name, label, type, autocomplete }: Field): string =>
  `<label>${label}<input name="${name}" type="${type}" autocomplete="${autocomplete}" required></label>`;

const field = (name: string, label: string, type: Field['type'], autocomplete: string): Field => ({ name, label, type, autocomplete });
export interface Page { title: string; form?: { action: string; button: string; fields: readonly Field[]; hidden?: Record<string, string> }; below: string }

const LOGIN_LINK = '<p><a href="/login">Sign in</a></p>';
export const LOGIN_PAGE: Page = {
  title: 'Sign in', form: { action: '/login', button: 'Sign in', fields: [field('username', 'Username or e-mail', 'text', 'username'), field('password', 'Password', 'password', 'current-password')] },
  below: '<p><a href="/auth/password/forgot">Forgot your password?</a></p>',
};
export const HOME_PAGE: Page = { title: 'Heliograph', below: '<p><a href="/login">Sign in</a> · <a href="/logout">Sign out</a> · <a href="/docs">API</a></p>' };
export const HOME_SAYS = 'The server runs. It has no pages to work with yet: the API takes the cookie of whoever signed in here.';
export const FORGOT_PAGE: Page = { title: 'New password', form: { action: '/auth/password/forgot', button: 'Send me a link', fields: [field('email', 'E-mail', 'email', 'email')] }, below: LOGIN_LINK };
export const resetPage = (token: string): Page => ({
  title: 'New password',
  form: { action: '/auth/password/reset', button: 'Change password', fields: [field('new_password', 'New password', 'password', 'new-password'), field('confirm_password', 'Once more', 'password', 'new-password')], hidden: { token } },
  below: LOGIN_LINK,
});
export const donePage = (title: string): Page => ({ title, below: LOGIN_LINK });

/** Sends a page; `says` is a sentence above its form. No page of ours tells another site where it is. */
export function sendPage(reply: FastifyReply, { title, form, below }: Page, { status = 200, says = '', wrong = false } = {}): void {
  const hidden = Object.entries(form?.hidden ?? {}).map(([name, value]) => `<input type="hidden" name="${name}" value="${escaped(value)}">`).join('');
  const formHtml = form ? `<form method="post" action="${form.action}">${hidden}${form.fields.map(inputOf).join('')}<button>${form.button}</button></form>` : '';
  const body = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title} · Heliograph</title><style>${STYLE}</style></head>`
    + `<body><main><h1>${title}</h1>${says ? `<p role="${wrong ? 'alert' : 'status'}">${escaped(says)}</p>` : ''}${formHtml}${below}</main></body></html>`;
  reply.code(status).headers({ 'content-type': 'text/html; charset=utf-8', 'content-security-policy': POLICY, 'referrer-policy': 'no-referrer' }).send(body);
}
