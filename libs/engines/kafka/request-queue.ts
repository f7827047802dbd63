import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';

const LOOK_AGAIN_MS = 10;

/**
 * kafkajs 2.2.4 looks for waiting requests again after every look, also when none waits, after `throttledUntil - now` ms, which
 * is about -1.8e12 unless the broker throttles: a timer of 1 ms per connection for ever, and Node's TimeoutNegativeWarning
 * (its issues 1704 and 1751, open). Nothing that waits needs no timer: `push` and every answer look by themselves.
 */
RequestQueue.prototype.scheduleCheckPendingRequests = function (): void {
  if (this.pending.length === 0 || this.throttleCheckTimeoutId) return;
  const throttledMs = this.throttledUntil - Date.now();
  this.throttleCheckTimeoutId = setTimeout(() => {
    this.throttleCheckTimeoutId = null;
    this.checkPendingRequests();
  }, throttledMs > 0 ? throttledMs : LOOK_AGAIN_MS);
};
