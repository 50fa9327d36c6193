/**
 * What a process writes down before anybody may send it a signal: a text file, so that any program can. One fact per line:
 *
 *   callgate-signal 1
 *   pid 4711
 *   start 8837261                        when it began: field 22 of /proc/<pid>/stat
 *   signal 34 house.Bell/Ring            a method, by its signal
 *   signal 35 house.Bell/Visit uint32    with the type of its value
 *   end
 *
 * It holds while its writer holds an exclusive flock(2) on the file, which ends with the process.
 */
import { type Notification, VALUE_TYPES, type ValueType } from '@callgate/core/transport';

export interface Announcement {
  readonly pid: number;
  readonly start: bigint;
  readonly signals: readonly AnnouncedSignal[];
}

export interface AnnouncedSignal extends Notification {
  readonly signal: number;
}

/** Bytes of the longest announcement that is read. */
export const LONGEST_ANNOUNCEMENT = 65_536;

const FIRST_LINE = 'callgate-signal 1';

export function formatAnnouncement({ pid, start, signals }: Announcement): string {
  const lines = signals.map(({ signal, path, value }) => `signal ${signal} ${path}${value ? ` ${value}` : ''}`);
  return [FIRST_LINE, `pid ${pid}`, `start ${start}`, ...lines, 'end', ''].join('\n');
}

/** Whether a file has been written by somebody who announced himself, or is empty: it may be written anew then. */
export function mayReplace(text: string): boolean {
  return text === '' || text.startsWith('callgate-signal ');
}

/** What is wrong with it, in words, or the announcement. Anybody who may write the file can have written anything. */
export function parseAnnouncement(text: string): Announcement | string {
  const lines = text.split('\n');
  if (lines[0] !== FIRST_LINE) return `it does not begin with "${FIRST_LINE}"`;
  if (lines.at(-2) !== 'end' || lines.at(-1) !== '') return 'it is not complete';
  const pid = Number(/^pid ([1-9]\d{0,9})$/.exec(lines[1] ?? '')?.[1]);
  if (!(pid <= 0x7fff_ffff)) return 'its second line is not "pid" and a number';
  const start = /^start (\d{1,19})$/.exec(lines[2] ?? '')?.[1];
  if (start === undefined) return 'its third line is not "start" and a number';
  const signals: AnnouncedSignal[] = [];
  for (const line of lines.slice(3, -2)) {
    const [, number, path, value] = /^signal ([1-9]\d?) ([^ ]+)(?: (\w+))?$/.exec(line) ?? [];
    if (path === undefined || Number(number) > 64) return `it has a line that is no signal: ${JSON.stringify(line)}`;
    if (value !== undefined && !isValueType(value)) return `${path} has a value of an unknown type, "${value}"`;
    signals.push({ signal: Number(number), path, value });
  }
  return { pid, start: BigInt(start), signals };
}

function isValueType(word: string): word is ValueType {
  return (VALUE_TYPES as readonly string[]).includes(word);
}
