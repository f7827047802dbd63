import { diskCeiling, DUE_LATER, httpCeiling } from '../ceiling/ceilings.js';
import type { Figure } from '../ground.js';

export const ceilings: Figure = {
  name: 'ceilings',
  about: 'what this machine gives: node:http answering 202, and writes of 16 KiB flushed to the disk',
  async measure(ground) {
    const [seconds, folder] = [ground.quick ? 0.3 : 1.5, ground.folder()];
    const http: number[] = [], disk: number[] = [];
    const ceiling = await httpCeiling(ground);
    try {
      for (let i = 0; i < ground.repeats; i++) {
        ground.say(`ceilings ${i + 1}/${ground.repeats}`);
        http.push(await ceiling.measure(DUE_LATER, seconds));
        disk.push(diskCeiling(folder, seconds));
      }
    } finally { await ceiling.close(); }
    return [
      { figure: 'ceilings', what: 'node:http answering 202, 64 connections', unit: '/s', samples: http },
      { figure: 'ceilings', what: 'write of 16 KiB and fsync', unit: '/s', samples: disk },
    ];
  },
};
