import { describe, expect, it } from '@jest/globals';
import { addressGuard } from '#libs/platform/egress/address.guard';
import { placeFaults } from './places.js';

const guard = addressGuard({ allow: [{ host: '10.0.0.9', port: 2525 }, { host: '127.0.0.1', port: 5555 }], production: true, own: [{ host: 'messages.example.com', port: 443 }] });
const faults = (values: Record<string, unknown>, changed = Object.keys(values)): string[] => placeFaults(guard, changed, (name) => values[name] ?? (name === 'email.smtp_port' ? 587 : null)).map(({ field }) => field);

describe('T66 the places that settings name', () => {
  it.each([
    ['https://gateway.example.com/send', true], ['http://127.0.0.1:5555/gateway/gateway.jsp', true], ['http://gateway.example.com/', false], ['http://127.0.0.1:5556/', false], ['https://10.0.0.5/', false],
    ['https://[fd00::1]/', false], ['https://messages.example.com/', false], ['https://gateway.example.com:6379/', false], ['https://localhost/', false],
  ])('in production, a gateway at %s: %s', (url, good) => { expect([faults({ 'gateways.http_url': url }), faults({ 'telegram.api_url': url })]).toEqual(good ? [[], []] : [['gateways.http_url'], ['telegram.api_url']]); });

  it.each<[string, number, boolean]>([
    ['smtp.example.com', 587, true], ['smtp.example.com', 465, true], ['smtp.example.com', 6379, false], ['192.168.0.1', 587, false], ['10.0.0.9', 2525, true], ['10.0.0.9', 25, false], ['localhost', 25, false], ['::1', 25, false], ['2606:4700::1111', 587, true],
  ])('a mail server at %s, port %d: %s', (host, port, good) => { expect(faults({ 'email.smtp_host': host, 'email.smtp_port': port })).toEqual(good ? [] : ['email.smtp_host']); });

  it('a port is judged with the host that stands, and nothing where neither is named', () => {
    expect(faults({ 'email.smtp_host': '10.0.0.9', 'email.smtp_port': 25 }, ['email.smtp_port'])).toEqual(['email.smtp_host']);
    expect(faults({ 'email.smtp_host': '10.0.0.5', 'gateways.sms_url': 'http://10.0.0.5/' }, ['email.from_name'])).toEqual([]);
    expect(faults({ 'email.smtp_host': null }, ['email.smtp_host'])).toEqual([]);
  });
});
