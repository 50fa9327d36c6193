import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { inprocTransport } from '../packages/core/dist/transport/index.js';
import { shmTransport, simpleShmTransport } from '../packages/transport-shm/dist/index.js';
import { blocksOf, projectWith, root, run } from './readme.blocks.mjs';

let project;
afterEach(() => project?.remove());

/** Runs the JavaScript that a README shows, where its package and those that it needs are installed. */
async function runExample(readme, links) {
  project = projectWith(links);
  const [{ code }] = blocksOf(readme).filter(({ language }) => language === 'js');
  project.write('example.mjs', code);
  return await run(process.execPath, ['example.mjs'], project.path);
}

/** Names of the options in the table of a README, the first or that of one transport. */
function optionsIn(readme, heading = 'option ') {
  const [, table] = new RegExp(`^(\\| ${heading}.*\\n(?:\\|.*\\n)+)`, 'm').exec(
    readFileSync(join(root, readme), 'utf8'),
  );
  return [...table.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name).toSorted();
}

/** Names of the options that a transport knows, as it tells somebody who got one wrong; where there is but one direction, none is to be chosen. */
function optionsOf(transport) {
  const [problem] = transport.validateOptions({ nonsense: 1 });
  const names = /known are (.*)$/.exec(problem)[1].split(', ').toSorted();
  return names.filter((name) => name !== 'direction' || transport.capabilities.directions.length > 1);
}

describe('The README of @callgate/core', () => {
  const readme = 'packages/core/README.md';

  test('shows a program that runs', async () => {
    expect(await runExample(readme, { '@callgate/core': 'packages/core' })).toEqual({
      status: 0,
      stdout: '{ length: 3 }\nINVALID_ARGUMENT: roots.Roots/Root: no square has the area -9\n',
      stderr: '',
    });
  });

  test('lists every entry of the package', () => {
    const { name, exports } = JSON.parse(readFileSync(join(root, 'packages/core/package.json'), 'utf8'));
    const entries = Object.keys(exports).map((entry) => name + entry.slice(1));
    const listed = [...readFileSync(join(root, readme), 'utf8').matchAll(/^\| `(@callgate\/core[\w/]*)`/gm)];
    expect(listed.map(([, entry]) => entry).toSorted()).toEqual(entries.toSorted());
  });

  test('lists every option of inproc:', () => {
    expect(optionsIn(readme)).toEqual(optionsOf(inprocTransport));
  });
});

describe('The README of @callgate/transport-shm', () => {
  const readme = 'packages/transport-shm/README.md';

  test('shows a program that runs', async () => {
    const links = { '@callgate/core': 'packages/core', '@callgate/transport-shm': 'packages/transport-shm' };
    const { status, stdout, stderr } = await runExample(readme, links);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^hello from process \d+\n$/);
  });

  test('lists every option', () => {
    expect(optionsIn(readme)).toEqual(optionsOf(shmTransport));
    expect(optionsIn(readme, 'option of shm\\+simple: ')).toEqual(optionsOf(simpleShmTransport));
  });
});

describe('The README of @callgate/interceptors', () => {
  test('shows a program that runs', async () => {
    const links = { '@callgate/core': 'packages/core', '@callgate/interceptors': 'packages/interceptors' };
    expect(await runExample('packages/interceptors/README.md', links)).toEqual({
      status: 0,
      stdout: "client OK\n{ text: 'tea: 7' }\n",
      stderr: '',
    });
  });
});
