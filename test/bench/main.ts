/** `npm run bench -- --help` */
import { closeSync, openSync, statfsSync, writeSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { FIGURES } from './figures/figures.js';
import { openGround } from './ground.js';
import { compiler } from './load/tools.js';
import { hottest } from './profile.js';
import { summary, type Summary } from './statistics.js';
import { jsonLine, table } from './table.js';

interface Options { engines: keyof typeof FIGURES; quick: boolean; json?: string | true; only?: string[]; profile?: string | true; dir: string }

const TMPFS = 0x01021994;

const options = new Command('bench')
  .description(`Measures Heliograph on this machine, over loopback, in temporary folders.\n${Object.entries(FIGURES).map(([engines, figures]) => `\n${engines}:\n${figures.map((f) => `  ${f.name.padEnd(12)} ${f.about}`).join('\n')}`).join('\n')}`)
  .addOption(new Option('--engines <set>', 'embedded: one process on its own files; cluster: processes of each part on servers, beside embedded').choices(Object.keys(FIGURES)).default('embedded'))
  .option('--quick', 'less of everything, in under a minute: an indication', false)
  .option('--only <names...>', 'these figures only')
  .option('--json [file]', 'a JSON line per figure: into a file, or on stdout (the table then goes to stderr)')
  .option('--profile [folder]', 'CPU profiles of the server processes, and where their time went')
  .option('--dir <folder>', 'where the temporary folders are made: the disk that is measured', tmpdir())
  .showHelpAfterError('(--help shows what there is)')
  .parse().opts<Options>();

const figures = FIGURES[options.engines];
const unknown = (options.only ?? []).filter((name) => !figures.some((f) => f.name === name));
if (unknown.length > 0) { console.error(`no figure ${unknown.join(', ')}; there are ${figures.map((f) => f.name).join(', ')}`); process.exit(2); }
if (!compiler()) { console.error('the load generator needs Linux and gcc'); process.exit(2); }
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

const profiles = options.profile === undefined ? null : resolve(options.profile === true ? '.cache/bench-profiles' : options.profile);
const machine = {
  machine: `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${release()}, Node ${process.versions.node}`,
  engines: options.engines, quick: options.quick, at: new Date().toISOString(), disk: statfsSync(options.dir).type === TMPFS ? 'memory: flushing costs nothing here, give --dir on a disk' : 'a file system on a disk',
};

const ground = openGround({ quick: options.quick, dir: options.dir, profiles, write: (line) => process.stderr.write(`${line}\n`) });
const done: Summary[] = [], failed: { figure: string; error: string }[] = [];
for (const figure of figures.filter((f) => !options.only || options.only.includes(f.name))) {
  ground.say(`${figure.name}: ${figure.about}`);
  try { done.push(...(await figure.measure(ground)).map(summary)); } catch (error) {
    failed.push({ figure: figure.name, error: error instanceof Error ? error.message : String(error) });
    console.error(`${figure.name} FAILED: ${error instanceof Error ? error.stack : String(error)}`);
  }
}

const people = [machine.machine, machine.disk === 'a file system on a disk' ? '' : `Disk: ${machine.disk}`, options.quick ? 'Quick: an indication only.' : '', table(done), ...failed.map((f) => `FAILED ${f.figure}: ${f.error}`)].filter((l) => l !== '').join('\n');
const lines = [JSON.stringify(machine), ...done.map(jsonLine), ...failed.map((f) => JSON.stringify(f))].join('\n');
if (options.json === true) { process.stderr.write(`${people}\n`); process.stdout.write(`${lines}\n`); }
else process.stdout.write(`${people}\n`);
if (typeof options.json === 'string') { const file = openSync(options.json, 'w'); writeSync(file, `${lines}\n`); closeSync(file); }
if (profiles) process.stderr.write(hottest(profiles));
process.exitCode = failed.length > 0 ? 1 : 0;
