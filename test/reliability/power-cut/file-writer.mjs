// Leaves files in every state that a power cut can find them in, says so, and waits to be killed.
import { closeSync, fsyncSync, ftruncateSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';

process.chdir(process.argv[2]);
const flushed = (name, text, how = 'w') => { const fd = openSync(name, how); writeSync(fd, text); fsyncSync(fd); return fd; };

closeSync(flushed('flushed', 'all of it', 'a'));
writeFileSync('dirty', 'never flushed');
writeSync(flushed('half', 'first'), ' second');
const cut = flushed('cut', 'abcdef', 'w+');
ftruncateSync(cut, 2);
fsyncSync(cut);
ftruncateSync(cut, 4);
mkdirSync('deep');
closeSync(flushed('move', 'moved'));
renameSync('move', 'deep/moved');
closeSync(flushed('removed', 'no more'));
rmSync('removed');
const late = await open('late', 'w');
await late.write('by a thread of the pool');
await late.datasync();
writeSync(1, 'written\n');
setInterval(() => {}, 1000);
