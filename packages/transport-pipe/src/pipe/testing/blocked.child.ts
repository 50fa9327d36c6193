/** Blocks in a wait for a child whose own child holds the ends as well. Argument: the program of the child. */
import { once } from 'node:events';
import { parseAddress } from '@callgate/core/transport';
import { pipeTransport, spawnWithPipes } from '../../index.js';

const script = 'sleep 100 & echo $!; exec "$0" "$@"';
const args = ['-c', script, process.execPath, process.argv[2]!, 'listen', 'pipe:inherited'];
const child = await spawnWithPipes('sh', args, { stdio: ['ignore', 'pipe', 'inherit'] });
const [sleeper] = (await once(child.process.stdout!, 'data')) as [Buffer];
const link = pipeTransport.connectSync(parseAddress(child.url), {}, performance.now() + 10_000);
console.log(`${child.pid} ${sleeper.toString().trim()}`);
console.log('waiting');
const woken = link.waitReadable(performance.now() + 10_000);
link.receive();
console.log(`${woken} ${link.end?.error.reason}`);
