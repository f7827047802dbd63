import type { Socket } from 'node:net';

/** The only door to the outside: every outbound call is checked, pinned, bounded. */
export interface EgressRequest {
  url: string;
  method: 'POST' | 'GET';
  headers: Record<string, string>;
  body: string | Uint8Array;
  /** total time from here to the last byte read, in milliseconds */
  deadlineMs: number;
  /** bytes of answer kept; reading ends at `maxBytes` (64 KiB unless told) */
  maxBytes?: number;
}

/** Where a call ended. `sent: false` proves that no byte of the request left; true means that it may have been carried out. */
export type EgressResult =
  | { ok: true; status: number; headers: Record<string, string | string[] | undefined>; body: Uint8Array; truncated: boolean }
  | { ok: false; problem: 'dns' | 'address_not_allowed' | 'connect' | 'connect_timeout' | 'tls' | 'timeout' | 'reset' | 'protocol'; sent: boolean; detail: string; answered?: Answered };

/** What had come of an answer that did not come to its end: its status was said, its body was not complete. */
export interface Answered {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Uint8Array;
}

export interface EgressClient {
  request(request: EgressRequest): Promise<EgressResult>;
  /** Ends all connections. */
  close(): Promise<void>;
}

/** A connected socket to a mail server whose host, port and address were checked, or why there is none. */
export type EgressLine = { ok: true; socket: Socket } | { ok: false; problem: 'dns' | 'address_not_allowed' | 'connect' | 'connect_timeout'; detail: string };

/** For protocols that are spoken on a socket: only mail. */
export interface EgressLines {
  /** @param deadlineMs from here to the socket being connected. Whoever is handed the socket ends it. */
  connect(host: string, port: number, deadlineMs: number): Promise<EgressLine>;
}

/** Told of everything that leaves: tests count look-ups and connects with it. */
export interface EgressRecorder {
  lookup(host: string): void;
  connect(address: string, port: number): void;
}
