// Connects as another user, and says what came of it.
import { parseAddress } from '@callgate/core/transport';
import { signalTransport } from '../transport.js';
import { say } from './lines.js';

await signalTransport.connect(parseAddress(process.argv[2] ?? ''), {}, performance.now() + 5000).then(
  () => say('connected'),
  ({ code, reason, message }) => say({ code, reason, message }),
);
process.exit();
