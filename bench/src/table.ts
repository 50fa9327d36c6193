import Table from 'cli-table3';
import { styled } from './format.js';

/**
 * Draws rows of cells in groups, with a line between groups.
 * @param head titles; one that begins with `>` aligns its column to the right
 */
export function drawTable(head: readonly string[], groups: readonly (readonly (readonly string[])[])[]): string {
  const table = new Table({
    head: head.map((title) => styled('bold', title.replace(/^>/, ''))),
    colAligns: head.map((title) => (title.startsWith('>') ? 'right' : 'left')),
    style: { head: [], border: [] },
  });
  for (const rows of groups) table.push(head.map((_, column) => rows.map((row) => row[column] ?? '').join('\n')));
  return table.toString();
}
