import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { installedWithout } from '../testing/installed.js';
import { type Finished, runNode } from '../testing/run.js';

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callgate-cli-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function callgate(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Finished> {
  return runNode(new URL('../../bin/callgate.js', import.meta.url), args, { cwd: folder, env });
}

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const config = `defaults:
  timeout: 5s
services:
  geo.Geo:
    url: shm:geo
    timeout: { send: immediate, reply: 2m }
    transport: { strategy: spin, allow: { uid: [0, 1000] } }
  geo.Maps:
    url: unix:/tmp/maps.sock
`;

describe('callgate', () => {
  test('--version prints the version.', async () => {
    expect(await callgate(['--version'])).toEqual({ code: 0, signal: null, stdout: `${version}\n`, stderr: '' });
  });

  test('--help names the commands.', async () => {
    const { code, stdout, stderr } = await callgate(['--help']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^Usage: callgate .*\n {2}gen .*\n {2}config /s);
  });

  test.each<[string[], string]>([
    [['cofnig'], "callgate: unknown command 'cofnig'\n(Did you mean config?)\n"],
    [['--verbose'], "callgate: unknown option '--verbose'\n"],
    [['gen', '--out', 'gen'], "callgate: missing required argument 'protos'\n"],
    [['gen', 'geo.proto'], "callgate: required option '--out <dir>' not specified\n"],
    [['config', 'chekc'], "callgate: unknown command 'chekc'\n(Did you mean check?)\n"],
  ])('%j is misuse: exit code 2, and why.', async (args, stderr) => {
    expect(await callgate(args)).toEqual({ code: 2, signal: null, stdout: '', stderr });
  });

  test('without a command is misuse, and tells which there are.', async () => {
    const { code, stdout, stderr } = await callgate([]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^Usage: callgate /);
  });
});

const proto = `syntax = "proto3";
package geo;
import "shapes/point.proto";
service Geo {
  rpc Distance(shapes.Point) returns (shapes.Point);
}
`;
const point = 'syntax = "proto3";\npackage shapes;\nmessage Point { double x = 1; }\n';

describe('callgate gen', () => {
  test('writes what the .proto files say, and tells what it wrote.', async () => {
    mkdirSync(join(folder, 'lib', 'shapes'), { recursive: true });
    write('lib/shapes/point.proto', point);
    write('geo.proto', proto);
    const run = await callgate(['gen', 'geo.proto', '--out', 'gen', '-I', '.', '-I', 'lib']);
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(run.stdout).toContain('geo.proto -> gen/geo.ts\n');
    expect(readFileSync(join(folder, 'gen', 'geo.ts'), 'utf8')).toContain('export const Geo');
    expect(readFileSync(join(folder, 'gen', 'shapes', 'point.ts'), 'utf8')).toContain("from 'callgate/codec'");
  });

  test('tells file, line and cause of what it cannot use, and ends with exit code 1.', async () => {
    write('geo.proto', 'syntax = "proto3";\npackage geo;\nmessage A {\n  Missing b = 1;\n}\n');
    const { code, stdout, stderr } = await callgate(['gen', 'geo.proto', '--out', 'gen']);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^geo\.proto:4: .*Missing/);
    expect(existsSync(join(folder, 'gen'))).toBe(false);
  });

  test('tells of a file that is not there.', async () => {
    const { code, stderr } = await callgate(['gen', 'nope.proto', '--out', 'gen']);
    expect(code).toBe(1);
    expect(stderr).toContain('nope.proto');
    expect(stderr).not.toContain('    at ');
  });
});

describe('callgate config check', () => {
  test('prints what holds for each service, and the line or the variable that said it.', async () => {
    const path = write('callgate.yaml', config);
    const env = { CALLGATE_SERVICES__geo_Maps__TRANSPORT__MAX_MESSAGE_BYTES: '65536' };
    expect(await callgate(['config', 'check'], env)).toEqual({
      code: 0,
      signal: null,
      stdout: `# ${path}: 2 services

services:
  geo.Geo:
    url: shm:geo # line 5
    timeout: { send: immediate, reply: 120000 } # line 6
    transport:
      strategy: spin # line 7
      allow: { uid: [ 0, 1000 ] } # line 7
  geo.Maps:
    url: unix:/tmp/maps.sock # line 9
    timeout: 5000 # line 2, defaults
    transport:
      maxMessageBytes: 65536 # CALLGATE_SERVICES__geo_Maps__TRANSPORT__MAX_MESSAGE_BYTES
`,
      stderr: '',
    });
  });

  test('prints a configuration that says the same.', async () => {
    write('callgate.yaml', config);
    const first = await callgate(['config', 'check']);
    const second = await callgate(['config', 'check', write('again.yaml', first.stdout)]);
    const settings = (run: Finished) => run.stdout.replaceAll(/ *#.*/g, '');
    expect(settings(second)).toBe(settings(first));
  });

  test('tells every problem, and ends with exit code 1.', async () => {
    const path = write(
      'other.yaml',
      'services:\n  geo.Geo:\n    url: smh:geo\n    tiemout: 5s\n  geo.Maps:\n    url: shm:a?strategy=doze\n',
    );
    expect(await callgate(['config', 'check', path], { CALLGATE_DEFAULTS__TIMEOUT: 'soon' })).toEqual({
      code: 1,
      signal: null,
      stdout: '',
      stderr: expect.stringMatching(
        new RegExp(
          [
            `^callgate: ${path} has 4 problems:`,
            '  services\\.geo\\.Geo\\.url \\(line 3\\): unknown scheme "smh:"; did you mean "shm:"\\? .*',
            '  services\\.geo\\.Geo\\.tiemout \\(line 4\\): unknown key; did you mean "timeout"\\?',
            '  services\\.geo\\.Maps\\.url \\(line 6\\): expected one of adaptive, spin, park, found "doze"',
            '  defaults\\.timeout \\(CALLGATE_DEFAULTS__TIMEOUT\\): expected never, .*; found "soon"\n$',
          ].join('\n'),
        ),
      ) as string,
    });
  });

  test('tells what a transport finds in its options.', async () => {
    const path = write('other.yaml', 'services:\n  geo.Geo:\n    url: shm:geo\n    transport:\n      strategy: doze\n');
    const { code, stderr } = await callgate(['config', 'check', path]);
    expect(code).toBe(1);
    expect(stderr).toContain('services.geo.Geo.transport.strategy (line 5): expected one of');
  });

  test.each([
    ['unix:run/geo', 'expected an absolute path, a path that begins with ./ or ../, or a bare name of letters, '],
    [`shm:/${'x'.repeat(107)}`, "the socket path has 108 bytes, and the system's limit is 107: /xxx"],
    ['shm+posix:a/b', 'expected '],
    ['shm+sysv:0x100000000', 'expected a key from 1 to 4294967295 (0xffffffff), or a name; found "0x100000000"'],
    ['tcp:geo.example', 'found no port; expected tcp:<host>:<port>, such as tcp:127.0.0.1:7000, tcp:[::1]:7000 or '],
    ['tls:geo.example:70000', 'port 70000 is over 65535'],
    ['udp:::1:7000', 'an IPv6 address must stand in brackets; expected udp:<host>:<port>'],
    ['mq:0x0', 'a key has 32 bits: 0x1 to 0xffffffff'],
    ['pipe:3', 'expected pipe:inherited, pipe:stdio, two descriptors such as pipe:3,4 (to read from, to write to)'],
    ['fifo:a/b', 'expected an absolute path, a path that begins with ./ or ../, or a bare name'],
    ['signal:my bell', 'expected an absolute path, a path that begins with ./ or ../, or a bare name'],
  ])('tells that nothing can be met at %s, with the line and why.', async (url, why) => {
    const path = write('other.yaml', `services:\n  geo.Geo:\n    url: "${url}"\n`);
    const { code, stdout, stderr } = await callgate(['config', 'check', path]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(
      `callgate: ${path} has 1 problem:\n  services.geo.Geo.url (line 3): bad address "${url}": ${why}`,
    );
  });

  test('is content with what only a server can listen at, and leaves no directory behind.', async () => {
    const names = ['unix', 'shm', 'shm+simple', 'shm+posix', 'shm+sysv', 'mq', 'fifo', 'signal', 'inproc'];
    const urls = [...names.map((scheme) => `${scheme}:geo`), 'tcp:0', 'udp:[::]:0', 'tls:0.0.0.0:0', 'pipe:child-1'];
    const services = urls.map((url, place) => `  geo.Geo${place}:\n    url: "${url}"\n`);
    const path = write('other.yaml', `services:\n${services.join('')}`);
    const runtime = join(folder, 'runtime');
    const { code, stderr } = await callgate(['config', 'check', path], { XDG_RUNTIME_DIR: runtime });
    expect([code, stderr]).toEqual([0, '']);
    expect(existsSync(runtime)).toBe(false);
  });

  test('tells of a bad address in a variable, and a program is told when it makes a client.', async () => {
    const path = write('other.yaml', 'services:\n  geo.Geo:\n    url: tcp:7000\n');
    const { stderr } = await callgate(['config', 'check', path], {
      CALLGATE_SERVICES__geo_Geo__URL: 'tcp:' + '7000/geo',
    });
    expect(stderr).toContain(
      'services.geo.Geo.url (CALLGATE_SERVICES__geo_Geo__URL): bad address "tcp:7000/geo": a path means nothing here;',
    );
    const program = write(
      'program.mjs',
      `import { createClient } from ${JSON.stringify(new URL('../index.js', import.meta.url))};
      try { createClient({ typeName: 'geo.Geo', methods: {} }, 'tcp:geo'); } catch ({ code, reason, message }) { console.log(code, reason, message); }`,
    );
    const { stdout } = await runNode(pathToFileURL(program), [], { cwd: folder });
    expect(stdout).toMatch(/^INVALID_ARGUMENT BAD_ADDRESS bad address "tcp:geo": found no port;/);
  });

  test('tells of a transport that is not installed, beside what holds.', async () => {
    write('callgate.yaml', 'services:\n  geo.Geo:\n    url: fifo:/tmp/geo\n');
    using installed = installedWithout('transport-pipe');
    const program = pathToFileURL(join(installed.path, 'node_modules/callgate/bin/callgate.js'));
    const { code, stdout, stderr } = await runNode(program, ['config', 'check'], { cwd: folder });
    expect(code).toBe(1);
    expect(stdout).toContain('url: fifo:/tmp/geo # line 3');
    expect(stderr).toBe(
      `callgate: ${join(folder, 'callgate.yaml')}: services.geo.Geo.url (line 3): the scheme "fifo:" needs the package ` +
        '@callgate/transport-pipe, which is not installed; install it with: npm install @callgate/transport-pipe\n',
    );
  });

  test('tells of a file that is not there.', async () => {
    expect(await callgate(['config', 'check', 'nope.yaml'])).toEqual({
      code: 1,
      signal: null,
      stdout: '',
      stderr: 'callgate: nope.yaml has 1 problem:\n  there is no such file\n',
    });
  });

  test('is content where there is no configuration.', async () => {
    expect(await callgate(['config', 'check'])).toMatchObject({ code: 0, stderr: '' });
  });
});
