/** What the figures stand on: a folder that goes away, numbers nobody had yet, and words on how far they are. */
import { randomInt } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Reading } from './statistics.js';

export interface Ground {
  quick: boolean;
  /** how often each thing is measured */
  repeats: number;
  /** where profiles of server processes go; null: none are taken */
  profiles: string | null;
  /** a new folder, removed at the end */
  folder(): string;
  /** a seed and a first phone number for one run of load, so that no key and no number comes twice */
  fresh(): { seed: number; firstNumber: number };
  /** how far it is, for whoever waits */
  say(text: string): void;
}

export interface Figure {
  name: string;
  about: string;
  /** @throws Error when something was lost or sent twice, or a program failed */
  measure(ground: Ground): Promise<Reading[]>;
}

const NUMBERS_APART = 10_000_000;

export interface GroundOptions { quick: boolean; dir: string; profiles: string | null; write(line: string): void }

export function openGround({ quick, dir, profiles, write }: GroundOptions): Ground {
  const root = mkdtempSync(join(dir, 'heliograph-bench-'));
  process.once('exit', () => rmSync(root, { recursive: true, force: true, maxRetries: 3 }));
  if (profiles) mkdirSync(profiles, { recursive: true });
  const began = performance.now();
  let runs = 0;
  return {
    quick, profiles, repeats: quick ? 2 : 5,
    folder: () => mkdtempSync(join(root, 'f-')),
    fresh: () => ({ seed: ++runs, firstNumber: runs * NUMBERS_APART }),
    say: (text) => write(`${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${text}`),
  };
}

/** Below those that a system hands out by itself, so that no outgoing connection takes one between the look and the use. */
const [LOWEST, HIGHEST] = [10_000, 30_000];

/** A port of loopback that nobody listens on. */
export const freePort = (): Promise<number> => new Promise((resolve, reject) => {
  const port = randomInt(LOWEST, HIGHEST);
  const server = createServer().once('error', (error: NodeJS.ErrnoException) => { if (error.code === 'EADDRINUSE') resolve(freePort()); else reject(error); })
    .listen(port, '127.0.0.1', () => { server.close(() => resolve(port)); });
});

const TOLD_EVERY_MS = 2_000;

/** Says how far the work is, while it goes on. */
export async function telling<T>(ground: Ground, howFar: () => string | Promise<string>, work: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => {
    // a word that cannot be had is no reason to fail: the work itself will tell
    Promise.resolve().then(howFar).then((text) => ground.say(`  ${text}`), () => undefined);
  }, TOLD_EVERY_MS);
  try { return await work(); } finally { clearInterval(timer); }
}

/** Thousands apart. */
export const grouped = (n: number): string => n.toLocaleString('en');

/** Asks again until it holds. @throws Error naming what did not come within the bound */
export async function until(what: string, holds: () => Promise<boolean>, { pauseMs = 50, boundMs = 180_000 } = {}): Promise<void> {
  const end = performance.now() + boundMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`${what}: not within ${boundMs / 1000} s`);
    await new Promise((resolve) => { setTimeout(resolve, pauseMs); });
  }
}
