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
const NUMBER = /^[1-9]\d{0,9}$/, YES_OR_NO = /^(?:true|false)$/, TEXT = /^(?:[^%\s]|%[0-9a-f]{2})+$/i;

/**
 * The options that the client knows, and their values. Anything else it would pass over, printing the whole address with
 * its password.
 */
const OPTIONS: Readonly<Record<string, { name: string; value: RegExp; must: string }>> = Object.fromEntries([
  ...['maxDiscoverAttempts', 'defaultDeadline', 'discoveryInterval', 'gossipTimeout', 'keepAliveInterval', 'keepAliveTimeout'].map((name) => ({ name, value: NUMBER, must: 'a whole number above 0' })),
  { name: 'tls', value: YES_OR_NO, must: 'true or false' },
  { name: 'tlsVerifyCert', value: /^true$/, must: 'left out: tlsVerifyCert=false has no effect, certificates are always checked; an authority of your own is named with tlsCAFile' },
  { name: 'throwOnAppendFailure', value: /^true$/, must: 'left out: with throwOnAppendFailure=false a conflict could not be told from a success' },
  // who decides reads what was written last, and that is known for sure to the leader alone
  { name: 'nodePreference', value: /^leader$/i, must: 'leader, or left out: another node may be behind' },
  ...['connectionName', 'tlsCAFile', 'userCertFile', 'userKeyFile'].map((name) => ({ name, value: TEXT, must: 'a text with % and two digits for what is no letter or digit' })),
].map((option) => [flat(option.name), option]));

function flat(key: string): string { return key.trim().toLowerCase().replace(/[_-]/g, ''); }

/** @throws Error naming the first option that is not taken, never a value */
function check(query: string): void {
  const seen = new Set<string>();
  for (const pair of query.split('&')) {
    const [, key, value] = /^([A-Za-z_-]+)(?:=([^?=]*))?$/.exec(pair) ?? [];
    if (key === undefined) throw new Error('The address of EventStoreDB has options that are not of the form key=value&key=value.');
    const option = OPTIONS[flat(key)];
    // a key without a value may be anything, a password above all
    if (!option) throw new Error(value === undefined ? 'The address of EventStoreDB has options that are not of the form key=value.' : `The address of EventStoreDB has the option ${key}, which its client does not know: leave it out. It knows ${Object.values(OPTIONS).map((o) => o.name).join(', ')}.`);
    if (value === undefined || !option.value.test(value)) throw new Error(`The address of EventStoreDB has the option ${option.name}, which must be ${option.must}.`);
    if (seen.has(option.name)) throw new Error(`The address of EventStoreDB has the option ${option.name} twice.`);
    seen.add(option.name);
  }
}

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
    return [flat(key), value.trim().toLowerCase()] as const;
  }));
  const names = hosts!.split(',').map((h) => h.replace(/:\d+$/, ''));
  const numbers = names.filter((h) => isIP(h) !== 0);
  if (options.get('tls') !== 'false' && numbers.length > 0) {
    throw new Error(`The address of EventStoreDB has TLS for ${numbers.join(', ')}: over TLS a host is given by the name in its certificate, a number is not accepted.`);
  }
  const afar = user !== undefined && options.get('tls') === 'false' ? names.filter((h) => !LOOPBACK.test(h)) : [];
  if (afar.length > 0) {
    throw new Error(`The address of EventStoreDB has a password and tls=false for ${afar.join(', ')}: a password goes only over TLS to another host. Take tls=false away, or the password.`);
  }
  if (query) check(query);
  const shown = user === undefined ? trimmed : trimmed.replace(`${user}:${password}@`, `${user}:…@`);
  if (options.get('tls') !== 'false' || user === undefined) return { url: trimmed, shown, warnings: [] };
  // the client would drop it without a word, and the transport refuses credentials on a plain line
  return {
    url: trimmed.replace(`${user}:${password}@`, ''), shown,
    warnings: ['EventStoreDB: without TLS the client sends no user and no password; the server must allow requests without them.'],
  };
}
