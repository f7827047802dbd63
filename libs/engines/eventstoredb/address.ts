import { isIP } from 'node:net';

/** Where EventStoreDB is, as its client takes it, with what must hold before a password goes anywhere. */
export interface Address {
  /** the connection string for the client */
  url: string;
  /** the same without the password, for messages and logs */
  shown: string;
  warnings: string[];
}

const FORM = /^esdb(?:\+discover)?:\/\/(?:([^:@/?]+):([^@/?]+)@)?([^@/?]+)\/?(?:\?([^@]*))?$/;
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3})$/i;

/**
 * Reads a connection string: `esdb://user:password@host:2113?tls=true`, several hosts with commas, or `esdb+discover://name`.
 * @throws Error, in a sentence without the password, where it cannot be used or would send a password over plain text
 */
export function addressOf(url: string): Address {
  const trimmed = url.trim();
  const match = FORM.exec(trimmed);
  if (!match) {
    throw new Error('The address of EventStoreDB is not of the form esdb://user:password@host:2113?tls=true (several hosts with commas, or esdb+discover://name); "@", ":" and "/" in a name or password are written as %40, %3A and %2F.');
  }
  const [, user, password, hosts, query] = match;
  const options = new Map((query ?? '').split('&').filter(Boolean).map((pair) => {
    const [key = '', value = ''] = pair.split('=');
    return [key.toLowerCase().replace(/[_-]/g, ''), value.trim().toLowerCase()] as const;
  }));
  // the client would answer a wrong revision as if the append had been made
  if (options.get('throwonappendfailure') === 'false') throw new Error('The address of EventStoreDB says throwOnAppendFailure=false: leave it out, or a conflict could not be told from a success.');
  const names = hosts!.split(',').map((h) => h.replace(/:\d+$/, ''));
  const numbers = names.filter((h) => isIP(h) !== 0);
  if (options.get('tls') !== 'false' && numbers.length > 0) {
    throw new Error(`The address of EventStoreDB has TLS for ${numbers.join(', ')}: over TLS a host is given by the name in its certificate, a number is not accepted.`);
  }
  const shown = user === undefined ? trimmed : trimmed.replace(`${user}:${password}@`, `${user}:…@`);
  if (options.get('tls') !== 'false' || user === undefined) return { url: trimmed, shown, warnings: [] };
  const afar = names.filter((h) => !LOOPBACK.test(h));
  if (afar.length > 0) {
    throw new Error(`The address of EventStoreDB has a password and tls=false for ${afar.join(', ')}: a password goes only over TLS to another host. Take tls=false away, or the password.`);
  }
  // the client would drop it without a word, and the transport refuses credentials on a plain line
  return {
    url: trimmed.replace(`${user}:${password}@`, ''), shown,
    warnings: ['EventStoreDB: without TLS the client sends no user and no password; the server must allow requests without them.'],
  };
}
