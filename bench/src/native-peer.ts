import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { readProgram } from './bare.js';
import type { CellOptions } from './cell.js';
import type { Children } from './children.js';
import type { Measurement } from './client-main.js';
import { dataBytesOf, inFlightOf, isSync } from './scenario.js';
import type { NativePeer } from './subject.js';

const sources = fileURLToPath(new URL('../native/', import.meta.url));
/** Compiling one of them takes up to half a minute, so what is compiled stays. */
const built = fileURLToPath(new URL('../build/', import.meta.url));

/** What a program is made of besides `peer.cc` and its own file, and with. */
interface Toolchain {
  /** As pkg-config names them. */
  readonly libraries: readonly string[];
  /** Turns an interface file into sources: the command line, given the folder for them. */
  readonly generate: (out: string) => readonly string[];
  readonly interface: string;
  /** Sources that it writes. */
  readonly generated: readonly string[];
  /** Commands that must be there. */
  readonly commands: readonly string[];
  /** Debian's packages that bring all that. */
  readonly packages: string;
}

const proto = fileURLToPath(new URL('../proto/', import.meta.url));
const toolchains: Readonly<Record<string, Toolchain>> = {
  grpc: {
    libraries: ['grpc++', 'protobuf'],
    interface: join(proto, 'greeter.proto'),
    generate: (out) => [
      'protoc',
      `--proto_path=${proto}`,
      `--cpp_out=${out}`,
      `--grpc_out=${out}`,
      `--plugin=protoc-gen-grpc=${pathOf('grpc_cpp_plugin')}`,
      'greeter.proto',
    ],
    generated: ['greeter.pb.cc', 'greeter.grpc.pb.cc'],
    commands: ['protoc', 'grpc_cpp_plugin'],
    packages: 'libgrpc++-dev protobuf-compiler-grpc',
  },
  capnp: {
    libraries: ['capnp-rpc'],
    interface: join(proto, 'greeter.capnp'),
    generate: (out) => ['capnp', 'compile', `-oc++:${out}`, `--src-prefix=${proto}`, join(proto, 'greeter.capnp')],
    generated: ['greeter.capnp.c++'],
    commands: ['capnp', 'capnpc-c++'],
    packages: 'libcapnp-dev capnproto',
  },
};

function toolchainOf({ name, program }: NativePeer): Toolchain {
  const found = toolchains[program];
  if (!found) throw new Error(`${name}: nothing says how to compile native/peer-${program}.cc`);
  return found;
}

function pathOf(command: string): string {
  return spawnSync('sh', ['-c', `command -v ${command}`], { encoding: 'utf8' }).stdout.trim();
}

/** Why a peer cannot be compiled here, and what to install; or undefined. */
export function missingForNative(subject: NativePeer): string | undefined {
  const { commands, libraries, packages } = toolchainOf(subject);
  const absent = ['c++', 'pkg-config', ...commands].find((command) => pathOf(command) === '');
  if (absent !== undefined) return `${absent} is missing: install ${commands.includes(absent) ? packages : absent}`;
  const library = libraries.find((name) => spawnSync('pkg-config', ['--exists', name]).status !== 0);
  return library === undefined ? undefined : `the library ${library} is missing: install ${packages}`;
}

/** Compiles a peer, unless that was done before with the same sources and libraries: the program's path. */
export async function compileNative(subject: NativePeer): Promise<string> {
  const { libraries, interface: idl, generate, generated } = toolchainOf(subject);
  const own = ['peer.cc', `peer-${subject.program}.cc`].map((file) => join(sources, file));
  const hash = createHash('sha256').update(run('pkg-config', '--modversion', ...libraries));
  for (const file of [...own, join(sources, 'peer.h'), idl]) hash.update(readFileSync(file));
  const program = join(built, `peer-${subject.program}-${process.arch}-${hash.digest('hex').slice(0, 12)}`);
  if (existsSync(program)) return program;
  mkdirSync(built, { recursive: true });
  const work = mkdtempSync(`${program}.`);
  const [command = '', ...args] = generate(work);
  run(command, ...args);
  const flags = run('pkg-config', '--cflags', '--libs', ...libraries)
    .trim()
    .split(/\s+/);
  const files = [...own, ...generated.map((file) => join(work, file))];
  const output = join(work, 'peer');
  const line = ['-std=c++17', '-O2', '-pthread', `-I${work}`, `-I${sources}`, '-o', output, ...files, ...flags];
  await promisify(execFile)('c++', line);
  renameSync(output, program); // whole, whoever else compiles it now
  return program;
}

function run(command: string, ...args: string[]): string {
  const { error, status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (error || status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${error?.message ?? stderr}`);
  return stdout;
}

/** Runs a peer in fresh processes and gives its figures the shape of everybody else's. */
export async function runNative(
  children: Children,
  { scenario, subject, seconds, warmUpSeconds }: CellOptions & { readonly subject: NativePeer },
): Promise<Measurement> {
  const program = await compileNative(subject);
  const dir = mkdtempSync(join(children.dir, `${subject.name}-`));
  const mode = isSync(scenario) ? 'sync' : 'async';
  const numbers = [inFlightOf(scenario), dataBytesOf(scenario) ?? 40, seconds, warmUpSeconds].map(String);
  return readProgram(children.start(program, [mode, ...numbers, join(dir, 'peer.sock')]));
}
