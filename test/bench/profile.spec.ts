import { describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hottest, selfTimes, type Profile } from './profile.js';

const node = (id: number, functionName: string, url = ''): Profile['nodes'][number] => ({ id, callFrame: { functionName, url, lineNumber: 9 } });
const profile: Profile = {
  nodes: [node(1, '(idle)'), node(2, 'seal', 'file:///home/x/dist/libs/event-sourcing/sealing/sealer.js'), node(3, 'route', 'file:///home/x/node_modules/@nestjs/core/router.js'), node(4, '(garbage collector)')],
  samples: [1, 2, 3, 2, 4], timeDeltas: [1_000, 2_000, 1_000, 4_000, 3_000],
};

describe('a profile', () => {
  it('is added up by any name, dearest first', () => {
    expect(selfTimes(profile, (f) => f.functionName)).toEqual([['seal', 6], ['(garbage collector)', 3], ['(idle)', 1], ['route', 1]]);
  });

  it('is told by room and by function, without what was idle and without folders of this machine', () => {
    const folder = mkdtempSync(join(tmpdir(), 'profile-'));
    try {
      writeFileSync(join(folder, 'CPU.cpuprofile'), JSON.stringify(profile));
      const text = hottest(folder);
      expect(text).toContain('busy 10 of 11 ms\n   60.0 %  libs/event-sourcing/sealing\n   30.0 %  (garbage collector)\n   10.0 %  @nestjs/core\n  by function\n   60.0 %  seal  libs/event-sourcing/sealing/sealer.js:10');
      expect(text).not.toMatch(/idle|home/);
    } finally { rmSync(folder, { recursive: true }); }
  });
});
