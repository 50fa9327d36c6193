import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { rows } from './check-boundaries.rules.mjs';
import { root } from './readme.blocks.mjs';

const skipped = new Set(['node_modules', 'dist', 'build', '.git']);

/** Every Markdown file below a folder. */
function pages(dir) {
  return readdirSync(dir, { withFileTypes: true })
    .filter(({ name }) => !skipped.has(name))
    .flatMap((entry) => {
      const path = join(dir, entry.name);
      if (entry.isDirectory()) return pages(path);
      return entry.name.endsWith('.md') ? [path] : [];
    });
}

/** What is in a page besides its code. */
function prose(page) {
  return readFileSync(page, 'utf8')
    .replace(/^```.*?^```$/gms, '')
    .replace(/`[^`\n]*`/g, '');
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchors(page) {
  const headings = readFileSync(page, 'utf8')
    .replace(/^```.*?^```$/gms, '')
    .matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

/** Links that lead nowhere. */
function broken(page) {
  return [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link]) => link)
    .filter((link) => !/^[a-z]+:/.test(link))
    .filter((link) => {
      const [path, anchor] = link.split('#');
      const target = path === '' ? page : join(dirname(page), path);
      if (!existsSync(target)) return true;
      return anchor !== undefined && !(statSync(target).isFile() && anchors(target).includes(anchor));
    });
}

describe('Every link leads somewhere', () => {
  for (const page of pages(root)) {
    const name = relative(root, page);
    test(`in ${name}`, () => expect(broken(page)).toEqual([]));
  }
});

test('Every decision is in the list of decisions, and the numbers have no gap', () => {
  const dir = join(root, 'docs/decisions');
  const records = readdirSync(dir).filter((name) => /^\d{4}-.*\.md$/.test(name));
  const listed = [...readFileSync(join(dir, 'README.md'), 'utf8').matchAll(/\]\((\d{4}-[^)]*\.md)\)/g)];
  expect(listed.map(([, name]) => name)).toEqual(records.toSorted());
  expect(records.toSorted().map((name) => Number(name.slice(0, 4)))).toEqual(records.map((_, i) => i + 1));
});

test('ARCHITECTURE.md draws the rooms as they are enforced', () => {
  const table = /^\| room .*\n\|[- |]*\n((?:\|.*\n)+)/m.exec(readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8'))[1];
  const names = (cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name);
  const drawn = table
    .trim()
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, room, uses, packages]) => {
      const [rooms, types = ''] = uses.split('types of');
      const listed = packages === 'any' ? 'any' : names(packages);
      return { room: names(room)[0], rooms: names(rooms), types: names(types), packages: listed };
    });
  const enforced = rows.map(({ room, rooms, types = [], packages }) => ({ room, rooms, types, packages }));
  const byRoom = (one, other) => one.room.localeCompare(other.room);
  expect(drawn.toSorted(byRoom)).toEqual(enforced.toSorted(byRoom));
});
