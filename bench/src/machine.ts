import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { arch, cpus, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

/** Where a run took place. */
export interface Machine {
  readonly processor: string;
  /** That this process may use. */
  readonly processors: number;
  readonly memoryGiB: number;
  readonly arch: string;
  readonly kernel: string;
}

/** What was measured, by name: `node`, packages of npm, and the C++ libraries that are there. */
export interface Versions {
  readonly [name: string]: string;
}

export function machine(): Machine {
  const all = cpus();
  return {
    processor: all[0]?.model.trim() ?? 'unknown',
    processors: all.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    arch: arch(),
    kernel: release(),
  };
}

const root = fileURLToPath(new URL('../', import.meta.url));
const peers = ['@grpc/grpc-js', '@connectrpc/connect', '@bufbuild/protobuf', 'zeromq', '@achrinza/node-ipc'] as const;
const libraries = { 'gRPC C++': 'grpc++', "Cap'n Proto C++": 'capnp-rpc' } as const;

export function versions(): Versions {
  const found: Record<string, string> = { node: process.versions.node, callgate: versionIn(`${root}package.json`) };
  const commit = spawnSync('git', ['-C', root, 'rev-parse', '--short', 'HEAD'], { encoding: 'utf8' });
  if (commit.status === 0) found['callgate, commit'] = commit.stdout.trim();
  for (const name of peers) {
    const file = `${root}node_modules/${name}/package.json`;
    if (existsSync(file)) found[name] = versionIn(file);
  }
  for (const [name, library] of Object.entries(libraries)) {
    const asked = spawnSync('pkg-config', ['--modversion', library], { encoding: 'utf8' });
    if (asked.status === 0) found[name] = asked.stdout.trim();
  }
  return found;
}

function versionIn(file: string): string {
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
