import { Command, InvalidArgumentError } from 'commander';

export interface DemoOptions {
  /** Undefined: one of each transport. */
  readonly url?: string;
  readonly seconds: number;
  readonly json: boolean;
}

/** Reads the command line; prints help or what is wrong, and exits, by itself. */
export function readOptions(argv: readonly string[]): DemoOptions {
  return new Command('npm run demo --')
    .description('A service of 135,000 cities, called from another process over each transport, in both modes.')
    .option('--url <url>', 'only this one, such as shm:geo, unix:/tmp/geo.sock or inproc:geo')
    .option('--seconds <s>', 'length of each measurement', seconds, 2)
    .option('--json', 'print the results as JSON', false)
    .allowExcessArguments(false)
    .parse(argv)
    .opts<DemoOptions>();
}

function seconds(text: string): number {
  const value = Number(text);
  if (value > 0 && value <= 3600) return value;
  throw new InvalidArgumentError('Expected a number above 0, at most 3600.');
}
