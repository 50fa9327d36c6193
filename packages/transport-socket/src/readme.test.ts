import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { resolveLossyOptions } from '@callgate/core/transport';
import { expect, it } from 'vitest';
import { resolveTcpOptions } from './tcp/options.js';
import { tlsOptionNames } from './tls/options.js';
import { resolveUdpOptions } from './udp/options.js';
import { resolveUnixOptions } from './unix/options.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(`${root}README.md`, 'utf8');

it('runs the examples of the README', async () => {
  const examples = [...readme.matchAll(/```js\n([\s\S]*?)```/g)].map(([, example]) => example!);
  const said = examples.map(async (example) => {
    const args = ['--input-type=module', '--eval', example];
    return (await promisify(execFile)(process.execPath, args, { cwd: root, timeout: 20_000 })).stdout;
  });
  const [handles, byHand] = await Promise.all(said);
  expect(handles).toContain('"name": "@callgate/transport-socket"');
  expect(byHand).toMatch(/^hello from process \d+\n$/);
});

it('documents every option of each transport', () => {
  const [unix, tcp, tls, udp] = readme.split(/\n## (?:tcp|tls|udp):\n/);
  const documented = (text: string | undefined, options: readonly string[]): void => {
    for (const option of options) expect(text).toMatch(new RegExp(`^\\| \`${option}\` +\\|`, 'm'));
  };
  documented(unix, [...Object.keys(resolveUnixOptions({})), 'allow']);
  documented(tcp, Object.keys(resolveTcpOptions({})));
  documented(tls, tlsOptionNames);
  documented(udp, [...Object.keys(resolveUdpOptions({})), ...Object.keys(resolveLossyOptions({}))]);
});
