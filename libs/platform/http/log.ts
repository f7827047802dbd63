/** What this room says aloud; pino's loggers fit. */
export interface HttpLog {
  error(fields: { requestId?: string; err: unknown }, message: string): void;
}
