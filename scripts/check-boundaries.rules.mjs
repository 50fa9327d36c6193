// Which room may use what. ARCHITECTURE.md draws the same table for people; this one is enforced.

/** Built-in modules without input, output or state outside the process. */
const pure = [
  'node:async_hooks',
  'node:buffer',
  'node:crypto',
  'node:diagnostics_channel',
  'node:events',
  'node:perf_hooks',
  'node:timers',
  'node:timers/promises',
  'node:util',
  'node:zlib',
];

/**
 * Rows, first match wins. `files` is a pattern of paths from the root of the repository, naming the room by its first
 * group where it has one. Everything that is not listed in a row is forbidden there.
 *
 * - `rooms`: other rooms of this project, besides the room itself. `*` at the end stands for any ending.
 * - `types`: rooms whose types may be named, and nothing else of them used.
 * - `packages`: third-party packages, or 'any'.
 * - `builtins`: Node's own modules, or 'any'.
 * - `computed`: imports may be computed.
 * - `why`: what a person who broke the rule should know.
 */
export const rows = [
  {
    // Tests, and the programs that they run in other processes and threads.
    room: 'tests',
    files: /^(?:packages\/[^/]+|examples|bench)\/src\/(?:.*\/)?(?:testing\/.*|[^/]+\.(?:test|child|worker-child)\.ts)$/,
    rooms: ['*'],
    packages: 'any',
    builtins: 'any',
    computed: true,
    why: 'tests may reach into every room of their own package, and into the others by package name only',
  },
  {
    room: 'core/client',
    files: /^packages\/core\/src\/client\//,
    rooms: ['core/channel', 'core/codec', 'core/errors'],
    types: ['core/transport'],
    packages: [],
    builtins: pure,
    why: 'a client knows calls: no transport, no input or output, no native code',
  },
  {
    room: 'core/server',
    files: /^packages\/core\/src\/server\//,
    rooms: ['core/channel', 'core/codec', 'core/errors'],
    types: ['core/client', 'core/transport'],
    packages: ['hdr-histogram-js'],
    builtins: [...pure, 'node:worker_threads'],
    why: 'a server knows calls and the threads that run them: no transport, no input or output, no native code',
  },
  {
    room: 'core/channel',
    files: /^packages\/core\/src\/channel\//,
    rooms: ['core/transport', 'core/codec', 'core/errors'],
    packages: ['rxjs'],
    builtins: pure,
    why: 'a channel knows links by their contract, never a transport by name',
  },
  {
    room: 'core/transport/inproc',
    files: /^packages\/core\/src\/transport\/inproc\//,
    rooms: ['core/transport', 'core/errors'],
    packages: [],
    builtins: 'any',
    why: 'a transport moves bytes: no channel, codec or RxJS',
  },
  {
    room: 'core/transport',
    files: /^packages\/core\/src\/transport\//,
    rooms: ['core/transport/inproc', 'core/errors'],
    packages: [],
    builtins: 'any',
    why: 'a transport moves bytes: no channel, codec or RxJS',
  },
  {
    room: 'core/codec',
    files: /^packages\/core\/src\/codec\//,
    rooms: ['core/errors'],
    packages: ['protobufjs'],
    builtins: 'any',
    why: 'a codec knows messages and nothing of how they travel',
  },
  {
    room: 'core/kernel',
    files: /^packages\/core\/src\/kernel\//,
    rooms: ['core/client', 'core/server', 'core/channel', 'core/transport', 'core/codec', 'core/errors'],
    packages: ['leven', 'reflect-metadata', 'tsyringe', 'valibot', 'yaml'],
    builtins: 'any',
    why: 'the kernel composes core; transports reach it by registration, never by name',
  },
  {
    room: 'core/errors',
    files: /^packages\/core\/src\/errors\//,
    rooms: [],
    packages: [],
    builtins: [],
    why: 'errors stand below everything and use nothing',
  },
  {
    room: 'core/conformance',
    files: /^packages\/core\/src\/conformance\//,
    rooms: ['core/transport', 'core/errors'],
    packages: [],
    builtins: 'any',
    why: 'the suite knows a transport by its contract, and its test runner is injected',
  },
  {
    room: 'core',
    files: /^packages\/core\/src\/index\.ts$/,
    rooms: ['core/client', 'core/server', 'core/channel', 'core/transport', 'core/codec', 'core/errors', 'core/kernel'],
    packages: [],
    builtins: [],
    why: 'the entry only passes on what the rooms export',
  },
  {
    room: 'native',
    files: /^packages\/native\/src\//,
    rooms: [],
    packages: [],
    builtins: 'any',
    why: 'native is mechanism only and knows no word of calls',
  },
  {
    room: 'transport-*',
    files: /^packages\/(transport-[^/]+)\/src\//,
    rooms: ['core/transport', 'core/errors', 'native'],
    packages: [],
    builtins: 'any',
    why: 'a transport is the contract, the errors, the addon and Node; never calls, codecs or another transport',
  },
  {
    room: 'codegen',
    files: /^packages\/codegen\/src\//,
    rooms: ['core/codec', 'core/errors'],
    packages: 'any',
    builtins: 'any',
    why: 'generation knows messages and services, and nothing of how they travel',
  },
  {
    room: 'interceptors',
    files: /^packages\/interceptors\/src\//,
    rooms: ['core'],
    packages: ['@opentelemetry/api'],
    builtins: pure.concat('node:module'),
    why: 'interceptors use what every user can: calls, and nothing of what is below them',
  },
  {
    room: 'callgate',
    files: /^packages\/callgate\/(?:src|bin)\//,
    rooms: ['core', 'core/*', 'codegen', 'interceptors', 'transport-*'],
    packages: ['commander', 'yaml'],
    builtins: 'any',
    why: 'callgate composes what the other packages export',
  },
  {
    room: 'examples',
    files: /^examples\/src\//,
    rooms: ['callgate', 'bench', 'interceptors', 'native'],
    packages: 'any',
    builtins: 'any',
    why: 'examples use what users can install',
  },
  {
    room: 'bench',
    files: /^bench\/src\//,
    rooms: ['callgate'],
    packages: 'any',
    builtins: 'any',
    why: 'measurements use what users can install',
  },
];

/** Packages that stay in a few rooms, wherever else third-party packages are free. */
export const confined = {
  tsyringe: ['core/kernel'],
  'reflect-metadata': ['core/kernel'],
  protobufjs: ['core/codec', 'codegen'],
  // Beside where streams are made: where they are used as users do, in examples and tests.
  rxjs: ['core/channel', 'core/client', 'core/server', 'callgate', 'examples'],
};

/** What the project's own packages export, as rooms. The longest match wins. */
export const entries = {
  callgate: 'callgate',
  '@callgate/core': 'core',
  '@callgate/core/client': 'core/client',
  '@callgate/core/server': 'core/server',
  '@callgate/core/channel': 'core/channel',
  '@callgate/core/codec': 'core/codec',
  '@callgate/core/codec/load': 'core/codec',
  '@callgate/core/codec/proto': 'core/codec',
  '@callgate/core/transport': 'core/transport',
  '@callgate/core/errors': 'core/errors',
  '@callgate/core/kernel': 'core/kernel',
  '@callgate/core/di': 'core/kernel',
  '@callgate/core/conformance': 'core/conformance',
  '@callgate/native': 'native',
  '@callgate/codegen': 'codegen',
  '@callgate/interceptors': 'interceptors',
  '@callgate/bench': 'bench',
};

/**
 * Exceptions, each for one import of one file. `import` is the specifier, or '(computed)' for one that is not a
 * constant. An exception that no import needs any more is itself a violation.
 */
export const exceptions = [
  {
    file: 'packages/core/src/codec/wire/handle.ts',
    import: '../../transport/contract.js',
    reason: 'the type of handles, which stand in fields of messages and travel beside them, is one and the same',
  },
  {
    file: 'packages/core/src/kernel/load-package.ts',
    import: '(computed)',
    reason: 'plug-ins are named by whoever registers them',
  },
  {
    file: 'packages/core/src/kernel/load-interceptor.ts',
    import: '(computed)',
    reason: 'interceptors are named by whoever registers or configures them',
  },
  {
    file: 'packages/core/src/kernel/services.ts',
    import: '(computed)',
    reason: 'services for workers are modules, named by whoever adds them to a server',
  },
  {
    file: 'packages/core/src/kernel/pool/typescript.ts',
    import: '(computed)',
    reason: 'the loader of TypeScript that a process was started with is the one that its user has installed',
  },
  {
    file: 'packages/core/src/kernel/pool/setup.ts',
    import: '(computed)',
    reason: 'the setup of workers is a module, named by whoever makes the server',
  },
  {
    file: 'packages/core/src/conformance/peer/self.ts',
    import: '(computed)',
    reason: 'the transport under test is named by whoever runs the suite, and loaded again in a process of its own',
  },
  {
    file: 'bench/src/subjects/module.ts',
    import: '(computed)',
    reason: "a process of a measurement loads the subject that it is about, and no other one's libraries",
  },
  {
    file: 'packages/callgate/src/cli/serve-module.ts',
    import: '(computed)',
    reason: 'what is served is named on the command line',
  },
  {
    file: 'examples/src/demo/grpc.ts',
    import: '../../../packages/codegen/proto',
    reason: "only for the comparison: gRPC's loader must be told where callgate/options.proto stands, Callgate's knows",
  },
];
