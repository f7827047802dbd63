/** The queue of requests of one connection; the package ships the file, but no types beside it. */
declare module 'kafkajs/src/network/requestQueue/index.js' {
  class RequestQueue {
    constructor(options: object);
    /** requests that wait, because of the broker's throttling or of too many under way */
    readonly pending: unknown[];
    /** milliseconds since the epoch; -1 for never */
    throttledUntil: number;
    throttleCheckTimeoutId: NodeJS.Timeout | null;
    push(request: object): void;
    checkPendingRequests(): void;
    scheduleCheckPendingRequests(): void;
  }
  export default RequestQueue;
}
