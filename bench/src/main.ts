/** The benchmark's program: `npm run bench -- --help`. */
import { writeFileSync } from 'node:fs';
import { compilerIsThere } from './bare.js';
import { type Children, createChildren } from './children.js';
import { measureIdle } from './figures/idle.js';
import { measureOneCore, tasksetIsThere, withCounterpart } from './figures/one-core.js';
import { countSyscalls, straceIsThere } from './figures/syscalls.js';
import { measureNotify } from './notify/notify.js';
import { type BenchOptions, readOptions } from './options.js';
import { idleLines, notifyLines, oneCoreLines, syscallLines } from './report.js';
import type { NodeSubject, Subject } from './subject.js';
import { subjectNamed, subjects } from './subjects/index.js';
import { measureTable, writePage } from './table-run.js';

const say = (line: string) => process.stderr.write(`bench: ${line}\n`);
const options = readOptions(process.argv);
const usual = subjects.filter(({ aside = false }) => !aside);
if (options.page !== undefined) {
  onlyPage(options.page);
  process.exit();
}
const children = createChildren('callgate-bench');
try {
  const figure = { cells, idle, syscalls, 'one-core': oneCore, notify }[options.figure ?? 'cells'];
  const rows = await figure(children, options);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(rows, null, 2)}\n`);
} catch (error) {
  if (!children.ending) say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
} finally {
  await children.close();
}

/** The table of scenarios and subjects, with the ratios that the project aims at. */
function cells(all: Children, given: BenchOptions) {
  return measureTable(all, given, say);
}

/** What connected clients and servers cost while nobody calls. */
async function idle(all: Children, { subject, seconds = 10 }: BenchOptions) {
  const chosen = nodeSubjects(subject ?? usual.filter(({ kind }) => kind === 'callgate'));
  say(`${chosen.map(({ name }) => name).join(', ')}: connected and idle for ${seconds} s`);
  const rows = await measureIdle(all, chosen, seconds);
  console.log(idleLines(rows));
  return rows;
}

/** How often blocking calls enter the kernel. */
async function syscalls(all: Children, { subject, rounds }: BenchOptions) {
  if (!straceIsThere()) throw new Error('strace is missing, and nothing else here can count system calls: install it');
  const rows = [];
  for (const one of nodeSubjects(subject ?? ['shm', 'shm-spin'].map(subjectNamed))) {
    if (!one.connectSync) throw new Error(`${one.name} cannot block for a call`);
    say(`${one.name}: counting system calls`);
    rows.push(await countSyscalls(all, one, rounds));
  }
  console.log(syscallLines(rows));
  return rows;
}

/** What Callgate adds to a bare mechanism where every system call, and every other instruction, counts twice. */
async function oneCore(all: Children, { subject, rounds, seconds = 1, warmUp = 1 }: BenchOptions) {
  if (!tasksetIsThere()) throw new Error('taskset is missing, which keeps processes on one core: install util-linux');
  if (!compilerIsThere()) throw new Error('there is no C compiler (cc) for the bare mechanisms: install one');
  const rows = await measureOneCore(all, {
    subjects: subject ?? withCounterpart(subjects),
    rounds,
    seconds,
    warmUpSeconds: warmUp,
    say,
  });
  console.log(oneCoreLines(rows));
  return rows;
}

/** What has no answer and nothing but a number: signals. */
async function notify(all: Children, { seconds = 1, warmUp = 0.4 }: BenchOptions) {
  const rows = await measureNotify(all, { seconds, warmUpSeconds: warmUp });
  console.log(notifyLines(rows));
  return rows;
}

/** Makes the page of results that are there; measures nothing. */
function onlyPage(file: string) {
  try {
    say(`the page is ${writePage(file)}`);
  } catch (error) {
    say((error as Error).message);
    process.exitCode = 1;
  }
}

function nodeSubjects(chosen: readonly Subject[]): NodeSubject[] {
  return chosen.map((subject) => {
    if (subject.kind === 'bare' || subject.kind === 'native') throw new Error(`${subject.name} has no such figure`);
    return subject;
  });
}
