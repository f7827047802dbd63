import type { Metadata } from '@grpc/grpc-js';
import { createHash, timingSafeEqual } from 'node:crypto';
import { accessDenied, unauthenticated, type Refused } from './refusals.js';

export interface Login { username: string; password: string }

const hash = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Who may call: everybody without a login, else who sends it. Answers null for yes. */
export function access(login: Login | null): (metadata: Metadata) => Refused | null {
  if (login === null) return () => null;
  const wanted = hash(`Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`);
  return (metadata) => {
    const [sent] = metadata.get('authorization');
    if (sent === undefined) return accessDenied();
    return timingSafeEqual(hash(String(sent)), wanted) ? null : unauthenticated();
  };
}
