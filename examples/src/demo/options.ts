import { Command, InvalidArgumentError } from 'commander';

export interface DemoOptions {
  /** Undefined: one of each transport. */
  readonly url?: string;
  /** Of each measurement. */
  readonly seconds: number;
  readonly json: boolean;
}

/** Seconds of a measurement: longer where one transport alone is looked at, so that all together take a minute and a half. */
const ALONE_S = 2;
const AMONG_MANY_S = 0.4;

/** Reads the command line; prints help or what is wrong, and exits, by itself. */
export function readOptions(argv: readonly string[]): DemoOptions {
  const options = new Command('npm run demo --')
    .description('A service of 135,000 cities, called from another process over each transport, in both modes.')
    .option('--url <url>', 'only this one, such as shm:geo, unix:/tmp/geo.sock or inproc:geo')
    .option('--seconds <s>', `length of each measurement (default: ${AMONG_MANY_S}, or ${ALONE_S} with --url)`, seconds)
    .option('--json', 'print the results as JSON', false)
    .allowExcessArguments(false)
    .parse(argv)
    .opts<Omit<DemoOptions, 'seconds'> & { readonly seconds?: number }>();
  return { seconds: options.url === undefined ? AMONG_MANY_S : ALONE_S, ...options };
}

function seconds(text: string): number {
  const value = Number(text);
  if (value > 0 && value <= 3600) return value;
  throw new InvalidArgumentError('Expected a number above 0, at most 3600.');
}
