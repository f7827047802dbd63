import type { EgressRecorder } from './egress.js';

/** Keeps what left, in order: a test that says "no egress" looks for two empty lists. */
export class KeptEgress implements EgressRecorder {
  readonly lookups: string[] = [];
  readonly connects: { address: string; port: number }[] = [];
  lookup(host: string): void {
    this.lookups.push(host);
  }
  connect(address: string, port: number): void {
    this.connects.push({ address, port });
  }
}
