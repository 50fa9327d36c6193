/** The program `callgate`. Commands load what they need when they run, so that `--help` is quick. */
import { createRequire } from 'node:module';
import { RpcError } from '@callgate/core/errors';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import type { GenArguments } from './gen.js';
import type { ServeArguments } from './serve.js';

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

/** Exit codes: 0 done, 1 the command found something wrong, 2 the command line cannot be understood. */
const FAILED = 1;
const MISUSED = 2;

const program = new Command('callgate')
  .description('Typed calls between processes on one machine')
  .version(version, '--version', 'print the version')
  .helpOption('--help', 'print this help')
  .helpCommand(false)
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'callgate: ')) });

program
  .command('gen')
  .description('generate types, service definitions and codecs from .proto files')
  .argument('<protos...>', 'the .proto files')
  .requiredOption('--out <dir>', 'folder to write to; made if need be')
  .option('-I, --include <dir>', 'folder in which imports are looked for; may be given again', collect, [])
  .option('--runtime <module>', 'what generated files import their helpers from (default: callgate/codec)')
  .action(async (protos: string[], options: GenArguments) => {
    const { gen } = await import('./gen.js');
    process.exitCode = gen(protos, options);
  });

program
  .command('config')
  .description('look at the configuration')
  .helpCommand(false)
  .command('check')
  .description('check the configuration and the variables over it; print what holds, and where it was said')
  .argument('[file]', 'the file; otherwise the one that applies here')
  .action(async (file: string | undefined) => {
    const { checkConfig } = await import('./config-check.js');
    process.exitCode = checkConfig(file) ? 0 : FAILED;
  });

program
  .command('serve')
  .description('serve what a module adds to a server, from one process or several')
  .argument('<module>', 'its default export is a function that gets a server: export default (server) => server.add(…)')
  .option('--url <url>', 'where to listen; may be given again (default: where the configuration says)', collect, [])
  .option('--processes <n>', 'start so many processes, behind one address', positive)
  .option('--config <file>', 'the configuration; otherwise the one that applies here')
  .option('--drain-timeout <ms>', 'how long what was taken may take when a process is to end', milliseconds, 30_000)
  .option('--json', 'print a JSON object for each event')
  .action(async (module: string, options: ServeArguments) => {
    const { serve } = await import('./serve.js');
    const exitCode = await serve(module, options);
    // What a module keeps open must not keep a process that has been stopped.
    if (exitCode !== undefined) process.exit(exitCode);
  });

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

function positive(value: string): number {
  if (/^[1-9]\d{0,5}$/.test(value)) return Number(value);
  throw new InvalidArgumentError('Expected a whole number of 1 or more.');
}

function milliseconds(value: string): number {
  if (/^\d{1,12}$/.test(value)) return Number(value);
  throw new InvalidArgumentError('Expected milliseconds: a whole number of 0 or more.');
}

/** Tells a person what went wrong, without a stack; returns the exit code. */
function report(error: unknown): number {
  // Commander has written what it had to say; help and version come this way, too, and are no failure.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : MISUSED;
  const message = error instanceof Error ? error.message : String(error);
  const unexpected = RpcError.is(error) ? '' : 'unexpected failure: ';
  process.stderr.write(`callgate: ${unexpected}${message}\n`);
  return FAILED;
}
