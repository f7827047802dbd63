import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';
import './request-queue.js';

const quiet = { debug: () => undefined, warn: () => undefined };
const request = (sent: () => void) => ({ entry: { correlationId: 1, resolve: () => undefined, reject: () => undefined }, expectResponse: true, requestTimeout: 0, sendRequest: sent });

describe("kafkajs's queue of requests", () => {
  let queue: InstanceType<typeof RequestQueue>;
  beforeEach(() => {
    jest.useFakeTimers();
    queue = new RequestQueue({ maxInFlightRequests: null, requestTimeout: 1000, enforceRequestTimeout: false, clientId: 'c', broker: 'b', logger: quiet });
  });
  afterEach(() => { jest.useRealTimers(); });

  it('has no timer while nothing waits', () => {
    queue.checkPendingRequests();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('sends what the broker held back, once it may, and then has no timer again', () => {
    const sent = jest.fn();
    queue.throttledUntil = Date.now() + 500;
    queue.push(request(sent));
    jest.advanceTimersByTime(499);
    expect(sent).not.toHaveBeenCalled();
    jest.advanceTimersByTime(2 + 10);
    expect(sent).toHaveBeenCalledTimes(1);
    expect(jest.getTimerCount()).toBe(0);
  });
});
