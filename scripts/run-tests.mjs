// Runs every test, passing arguments on to vitest, and ends with one plain line of counts.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const scratch = mkdtempSync(join(tmpdir(), 'callgate-tests-'));
const report = join(scratch, 'report.json');
const args = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...process.argv.slice(2)];
const result = spawnSync(join('node_modules', '.bin', 'vitest'), args, { stdio: ['ignore', 'inherit', 'inherit'] });
try {
  const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(report, 'utf8'));
  console.log(`${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped`);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.exit(result.status ?? 1);
