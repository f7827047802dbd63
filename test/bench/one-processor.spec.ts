import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { onOneProcessor } from './one-processor.js';

/** Where each thread of this process may run. */
const allowed = (): string[] => [...new Set(readdirSync('/proc/self/task').map((id) => /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync(`/proc/self/task/${id}/status`, 'utf8'))![1]!))];

describe('on one processor', () => {
  it('all threads are on one, and back where they were afterwards, also when the work fails', async () => {
    const before = allowed();
    expect(await onOneProcessor(async () => Promise.resolve(allowed()))).toEqual([expect.stringMatching(/^\d+$/)]);
    await expect(onOneProcessor(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(allowed()).toEqual(before);
  });
});
