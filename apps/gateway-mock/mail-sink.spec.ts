import { afterEach, expect, it } from '@jest/globals';
import { createEgress } from '#libs/platform/egress/egress.client';
import { sendMail } from '#libs/platform/egress/mail';
import { startGatewayMock } from './gateway-mock.js';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => { for (const end of ends.splice(0).reverse()) await end(); });

it('mail that the mock takes is shown in the open, on its page and as JSON, and forgotten on demand', async () => {
  const mock = await startGatewayMock({ port: 0, smtpPort: 0 });
  ends.push(() => mock.close());
  const egress = createEgress({ allow: [{ host: '127.0.0.1', port: mock.smtpPort! }], production: false });
  ends.push(() => egress.close());
  const mail = { from: { name: 'Grüße', address: 'a@example.com' }, to: 'b@example.com', subject: 'Größe 👋', text: 'Zeile eins\n\n=Zeile= zwei', messageId: '<1@example.com>' };
  expect(await sendMail(egress, { host: '127.0.0.1', port: mock.smtpPort!, tls: false, auth: null }, mail, { deadlineMs: 2_000, helloName: 'example.com' })).toEqual({ outcome: 'sent' });
  const shown = async (): Promise<unknown> => (await fetch(`${mock.url}/mails`)).json();
  expect(await shown()).toMatchObject({ mails: [{ n: 1, from: 'a@example.com', to: ['b@example.com'], subject: 'Größe 👋', text: 'Zeile eins\n\n=Zeile= zwei' }] });
  expect(await (await fetch(`${mock.url}/`)).text()).toContain('id="mails"');
  expect((await fetch(`${mock.url}/mails`, { method: 'DELETE' })).status).toBe(204);
  expect(await shown()).toEqual({ mails: [] });
});

it('without a mail port it takes none', async () => {
  const mock = await startGatewayMock({ port: 0 });
  ends.push(() => mock.close());
  expect([mock.smtpPort, mock.mails()]).toEqual([null, []]);
});
