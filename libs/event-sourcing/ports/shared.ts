/** What processes share and may forget: counters and leases. Truth never hangs on it. Contract: `testing/shared.contract.ts`. */
export interface Shared {
  /** Adds n to the counter of the current window; answers its total and the milliseconds until the window ends. Constant cost per key. */
  add(key: string, n: number, windowMs: number): Promise<{ total: number; resetMs: number }>;
  /** True while this holder has the lease; asking again prolongs it. */
  lease(name: string, holder: string, ttlMs: number): Promise<boolean>;
}
