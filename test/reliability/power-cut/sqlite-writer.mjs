// Writes row after row, and prints each number once SQLite has answered for it; `refused N` when it would not. Runs until it is killed.
import { writeSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

const [file, synchronous] = process.argv.slice(2);
const db = new DatabaseSync(file);
db.exec('pragma journal_mode=wal; pragma synchronous=FULL; create table if not exists rows (n integer primary key, text text) strict');
db.exec(`pragma synchronous=${synchronous}`);
const insert = db.prepare('insert into rows values (?, ?)');
for (let n = 1; ; n++) {
  try {
    insert.run(n, 'x'.repeat(500));
    writeSync(1, `${n}\n`);
  } catch (error) {
    writeSync(1, `refused ${n} ${error.message}\n`);
  }
}
