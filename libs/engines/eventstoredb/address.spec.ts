import { EventStoreDBClient } from '@eventstore/db-client';
import { describe, expect, it, jest } from '@jest/globals';
import { addressOf } from './address.js';

const failure = (url: string): string => {
  try { addressOf(url); } catch (error) { return (error as Error).message; }
  return 'taken';
};

describe('the address of EventStoreDB', () => {
  it.each([
    'esdb://localhost:2113', 'esdb://127.0.0.1:2113?tls=false', 'esdb://db.example.com:2113?tls=false', 'esdb+discover://cluster.example.com:2113',
    'esdb://a.example.com:2113,b.example.com:2113,c.example.com:2113?nodePreference=leader', 'esdb://a.example.com/?tls=true&tlsCAFile=%2Fetc%2Fca.crt',
  ])('takes %s as it is', (url) => {
    expect(addressOf(url)).toEqual({ url, shown: url, warnings: [] });
  });

  it('shows an address with a password without it', () => {
    expect(addressOf('esdb://admin:s3cret%40@db.example.com:2113?tls=true')).toEqual({
      url: 'esdb://admin:s3cret%40@db.example.com:2113?tls=true', shown: 'esdb://admin:…@db.example.com:2113?tls=true', warnings: [],
    });
  });

  it.each([
    'esdb://admin:s3cret@db.example.com:2113?tls=false', 'esdb://admin:s3cret@127.0.0.1:2113,10.0.0.7:2113?tls=false',
    'esdb+discover://admin:s3cret@cluster.example.com?TLS=False', 'esdb://admin:s3cret@localhost.example.com?keepAliveInterval=10000&tls=false',
  ])('refuses to send a password over plain text to another host: %s', (url) => {
    expect(failure(url)).toMatch(/has a password and tls=false for .*: a password goes only over TLS to another host/);
    expect(failure(url)).not.toMatch('s3cret');
  });

  it('says that without TLS no password is sent, also not to this host', () => {
    const { url, warnings } = addressOf('esdb://admin:s3cret@localhost:2113?tls=false');
    expect(url).toBe('esdb://localhost:2113?tls=false');
    expect(warnings).toEqual([expect.stringContaining('sends no user and no password')]);
  });

  it('refuses what would answer a conflict as a success', () => {
    expect(failure('esdb://localhost:2113?throw_on_append_failure=false')).toMatch('throwOnAppendFailure=false a conflict could not be told from a success');
  });

  it.each(['esdb://10.0.0.7:2113', 'esdb://a.example.com,10.0.0.7?tls=true', 'esdb+discover://admin:s3cret@10.0.0.7'])('asks for names where there is TLS: %s', (url) => {
    expect(failure(url)).toMatch('has TLS for 10.0.0.7: over TLS a host is given by the name in its certificate');
  });

  const SECRET = 'esdb://admin:s3cret@db.example.com:2113';
  it.each([
    ['?tls=true&maxRetries=3', 'maxRetries'], ['?tls=true&verify=no', 'verify'], ['?s3cret', '…'], ['?=1', '…'], ['?connectionName', 'connectionName'],
    ['?tlsVerifyCert=false', 'tlsVerifyCert=false'], ['?TLS_VERIFY_CERT=false', 'tlsVerifyCert=false'], ['?tls=yes', 'tls'], ['?tls=True', 'tls'], ['?keepAliveInterval=often', 'keepAliveInterval'],
    ['?defaultDeadline=0', 'defaultDeadline'], ['?tlsCAFile=%2', 'tlsCAFile'], ['?tls=true&tls=false', 'tls'], ['?nodePreference=follower', 'nodePreference'], ['?nodePreference=random', 'nodePreference'], ['?node_preference=read_only_replica', 'nodePreference'],
  ])('refuses %s, which the client would print with the password, or not do: names %s alone', (query, named) => {
    const print = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
    try {
      const said = failure(SECRET + query);
      if (named !== '…') expect(said).toContain(named);
      expect(said).toMatch(/^The address of EventStoreDB /);
      expect(said).not.toMatch('s3cret');
      expect(print).not.toHaveBeenCalled();
    } finally { print.mockRestore(); }
  });

  it('what it takes, the client takes without a word', () => {
    const print = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
    try {
      for (const query of ['connectionName=a%20b', 'maxDiscoverAttempts=3&discovery_interval=100', 'gossipTimeout=5&defaultDeadline=20000', 'keepAliveInterval=10000&keepAliveTimeout=10000', 'nodePreference=Leader&tlsVerifyCert=true', 'throwOnAppendFailure=true']) {
        EventStoreDBClient.connectionString(addressOf(`${SECRET}?${query}`).url);
      }
      expect(print).not.toHaveBeenCalled();
    } finally { print.mockRestore(); }
  });

  it.each(['', 'http://localhost:2113', 'esdb://', 'localhost:2113', 'esdb://admin:s3cret@x@localhost:2113', 'esdb://localhost:2113?connectionName=s3cret@x'])('refuses %j without showing it', (url) => {
    expect(failure(url)).toMatch('not of the form esdb://');
    expect(failure(url)).not.toMatch('s3cret');
  });
});
