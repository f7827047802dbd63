import { describe, expect, it } from '@jest/globals';
import { retryDelayMs } from '../message/retry-policy.js';
import { defaultGateways } from './default-gateways.js';
import { GatewaysFileError, parseGateways } from './gateways-file.js';

const defaults = defaultGateways({ mockPort: 5555 });
const [http, sms] = defaults;
const problemsOf = (file: unknown): Record<string, string> => {
  try {
    parseGateways(typeof file === 'string' ? file : JSON.stringify(file), defaults);
  } catch (error) {
    if (error instanceof GatewaysFileError) return Object.fromEntries(error.problems.map(({ field, message }) => [field, message]));
    throw error;
  }
  return {};
};

describe('the two gateways that are there from the start', () => {
  it('carry the retry policies of the manuals', () => {
    expect(defaults.map((gateway) => [gateway.name, gateway.channel, gateway.kind, gateway.url])).toEqual([
      ['http', 'http', 'http', 'http://127.0.0.1:5555/sink'], ['sms', 'sms', 'sms-http', 'http://127.0.0.1:5555/gateway/gateway.jsp'],
    ]);
    expect(http?.retry).toEqual({ kind: 'constant', everyMs: 30_000, attempts: 10_000, spanMs: (83 * 60 + 20) * 60_000, jitter: 0 });
    expect(sms?.retry).toEqual({ kind: 'exponential', minMs: 2_000, maxMs: 10_000, attempts: 3, spanMs: 86_400_000, jitter: 0 });
    expect([1, 2, 3, 9].map((used) => retryDelayMs(sms!.retry, used, 'a'))).toEqual([2_000, 4_000, 8_000, 10_000]);
    for (const gateway of defaults) {
      expect(gateway).toMatchObject({ onUnknown: 'retry', receipts: false, deadlineMs: 30_000, circuit: { failures: 10, windowMs: 30_000, windowCalls: 20, windowShare: 0.5, probeMs: 30_000 } });
    }
  });

  it('are left out where there is neither a URL nor the mock', () => {
    expect(defaultGateways()).toEqual([]);
    expect(defaultGateways({ mockPort: 0, smsUrl: 'https://sms.example.com/gateway.jsp' }).map((gateway) => gateway.name)).toEqual(['sms']);
  });
});

describe('a gateways file', () => {
  it('overrides by name and adds what is new', () => {
    const found = parseGateways(JSON.stringify([
      { name: 'sms', url: 'https://sms.example.com/gateway.jsp', concurrency: 4, options: { applicationId: 'app' }, circuit: { failures: 3 } },
      { name: 'second', kind: 'http', url: 'https://second.example.com/in', retry: { kind: 'steps', stepsMs: [1_000, 2_000], attempts: 3, spanMs: 60_000 } },
    ]), defaults);
    expect(found.map((gateway) => gateway.name)).toEqual(['http', 'sms', 'second']);
    expect(found[0]).toEqual(http);
    expect(found[1]).toEqual({ ...sms, url: 'https://sms.example.com/gateway.jsp', concurrency: 4, options: { ...sms!.options, applicationId: 'app' }, circuit: { ...sms!.circuit, failures: 3 } });
    expect(found[2]).toMatchObject({ kind: 'http', channel: 'http', rate: 10_000, retry: { kind: 'steps', jitter: 0 } });
  });

  it('gives the two known names their kind when the mock is off', () => {
    expect(parseGateways('[{"name":"sms","url":"https://sms.example.com/"}]', [])).toMatchObject([{ kind: 'sms-http', channel: 'sms' }]);
  });

  it('names every wrong value at once', () => {
    expect(problemsOf([
      { name: 'sms', rate: 0, concurrency: 1.5, onUnknown: 'maybe', retry: { kind: 'exponential', minMs: 9_000, maxMs: 2_000, attempts: 3, spanMs: 60_000 }, options: { success: '(', colour: 'red' } },
      { name: 'Bad Name', kind: 'pigeon', url: 'ftp://example.com/', surprise: 1, circuit: { windowShare: 2 } },
      { name: 'fourth' },
      { name: 'sms', retry: { kind: 'constant', attempts: 1, spanMs: 1_000 } },
      null,
    ])).toEqual({
      'gateways[0].rate': 'is a number over 0, at most 100000',
      'gateways[0].concurrency': 'is a whole number from 1 to 1024',
      'gateways[0].onUnknown': 'is one of retry, hold',
      'gateways[0].retry.minMs': 'is at most maxMs',
      'gateways[0].options.success': 'is a regular expression',
      'gateways[0].options.colour': expect.stringMatching(/^is not known here; known are applicationId, /),
      'gateways[1].name': expect.stringMatching(/^is 1 to 32 of/),
      'gateways[1].kind': 'is one of http, sms-http',
      'gateways[1].url': 'is an http or https URL without credentials and fragment',
      'gateways[1].surprise': expect.stringMatching(/^is not known here/),
      'gateways[1].circuit.windowShare': 'is a number over 0, at most 1',
      'gateways[2].kind': 'is missing; it is one of http, sms-http',
      'gateways[2].url': expect.stringMatching(/^is missing/),
      'gateways[3].retry.everyMs': 'is missing; it is a whole number from 100 to 86400000',
      'gateways[3].name': '"sms" is there twice',
      'gateways[4]': 'is an object',
    });
  });

  it('is a JSON list, and no place for prototypes', () => {
    expect(problemsOf('{')).toEqual({ gateways: 'is not JSON' });
    expect(problemsOf('{"gateways":[]}')).toEqual({ gateways: 'is a JSON list of gateways' });
    expect(Object.keys(problemsOf('[{"name":"sms","__proto__":{"rate":1}}]'))).toEqual(['gateways[0].__proto__']);
    expect(Object.keys(problemsOf('[{"name":"constructor"}]'))).toEqual(['gateways[0].kind', 'gateways[0].url']);
  });
});
