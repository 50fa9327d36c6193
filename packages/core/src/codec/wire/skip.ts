import { MAX_DEPTH, tooDeepToDecode, undecodable } from './faults.js';
import { cursor, readLength, readTag, skipVarint, truncated } from './varint.js';

const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;
const GROUP = 3;
const GROUP_END = 4;
const FIXED32 = 5;

/** The offset behind an unknown field whose tag was just read and whose content starts at `pos`. */
export function skipField(
  bytes: Buffer,
  pos: number,
  end: number,
  tag: number,
  typeName: string,
  depth: number,
): number {
  if ((tag & 7) === GROUP) {
    groupEnd(bytes, pos, end, tag, typeName, depth + 1);
    return cursor.pos;
  }
  return skipValue(bytes, pos, end, tag, typeName);
}

/**
 * Finds the end of a group whose content starts at `pos`: returns where the content ends; `cursor.pos` is behind the
 * end tag. `depth` is the group's own.
 */
export function groupEnd(
  bytes: Buffer,
  pos: number,
  end: number,
  tag: number,
  typeName: string,
  depth: number,
): number {
  const open = [checkedNumber(tag, typeName)];
  while (depth + open.length - 1 <= MAX_DEPTH) {
    if (pos >= end) throw truncated(typeName);
    const start = pos;
    const inner = readTag(bytes, pos, end, typeName);
    pos = cursor.pos;
    if ((inner & 7) === GROUP) open.push(checkedNumber(inner, typeName));
    else if ((inner & 7) !== GROUP_END) pos = skipValue(bytes, pos, end, inner, typeName);
    else if (checkedNumber(inner, typeName) !== open.pop()) throw strayGroupEnd(typeName);
    else if (open.length === 0) {
      cursor.pos = pos;
      return start;
    }
  }
  throw tooDeepToDecode(typeName);
}

function skipValue(bytes: Buffer, pos: number, end: number, tag: number, typeName: string): number {
  checkedNumber(tag, typeName);
  switch (tag & 7) {
    case VARINT:
      return skipVarint(bytes, pos, end, typeName);
    case FIXED64:
      return within(pos + 8, end, typeName);
    case DELIMITED:
      return readLength(bytes, pos, end, typeName);
    case FIXED32:
      return within(pos + 4, end, typeName);
    case GROUP_END:
      throw strayGroupEnd(typeName);
    default:
      throw undecodable(typeName, `there is no wire type ${tag & 7}`);
  }
}

function within(pos: number, end: number, typeName: string): number {
  if (pos > end) throw truncated(typeName);
  return pos;
}

function checkedNumber(tag: number, typeName: string): number {
  if (!(tag > 7)) throw undecodable(typeName, 'field number 0');
  return tag >>> 3;
}

function strayGroupEnd(typeName: string) {
  return undecodable(typeName, 'a group ends that was not begun');
}
