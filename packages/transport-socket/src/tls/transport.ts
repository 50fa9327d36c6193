import { Reason, RpcError } from '@callgate/core/errors';
import type { Transport } from '@callgate/core/transport';
import { meetingPlace, placeOf } from '../tcp/place.js';
import { tlsCapabilities } from './capabilities.js';
import { connect, connectSync } from './connect.js';
import { listen } from './listen.js';
import { resolveTlsOptions, type TlsOptions, tlsOptionProblems } from './options.js';

function cannot(capability: string, what: string): RpcError {
  return new RpcError('FAILED_PRECONDITION', `tls: cannot ${what} (capability: ${capability})`, {
    reason: Reason.UNSUPPORTED,
    failed: 'channel',
  });
}

/** Calls over TLS, on TCP: `tls://geo.example:7000`, `tls:127.0.0.1:7000`. Works without the native addon. */
export const tlsTransport: Transport = Object.freeze<Transport>({
  scheme: 'tls',
  capabilities: tlsCapabilities,
  validateOptions: tlsOptionProblems,
  checkAddress: (address) => void placeOf(address),
  meetingPlace,
  async connect(address, options, deadline, signal) {
    return connect(address, resolveTlsOptions(options as TlsOptions), deadline, signal);
  },
  connectSync(address, options, deadline) {
    return connectSync(address, resolveTlsOptions(options as TlsOptions), deadline);
  },
  async listen(address, options, onLink, onError = () => undefined) {
    const resolved = resolveTlsOptions(options as TlsOptions);
    if (options.allow !== undefined)
      throw cannot(
        'credentials',
        "check `allow`: the kernel does not tell its peers' uid and gid; requestCert may serve",
      );
    return listen(address, resolved, onLink, onError);
  },
});
