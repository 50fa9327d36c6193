import { callgateSubject } from './callgate.js';

export const tcp = callgateSubject('tcp', 'Callgate over TCP', 'process', () => 'tcp:127.0.0.1:0', true);
