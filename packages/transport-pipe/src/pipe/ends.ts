import { Reason, RpcError } from '@callgate/core/errors';
import { type Address, parseAddress } from '@callgate/core/transport';
import type { NativeAddon } from '@callgate/native';
import { PipeStream } from '../pipe-stream.js';
import { adoptEnds } from './inherited.js';
import { takeOffer } from './offers.js';
import { INHERITED_VARIABLE, placeOf } from './place.js';

/** The ends that an address means, as a stream, which owns them: no other link can have them. Throws RpcError. */
export function takeEnds(native: NativeAddon, address: Address): PipeStream {
  const place = placeOf(address);
  switch (place.kind) {
    case 'numbers':
      return new PipeStream(native, adoptEnds(native, address, place.input, place.output));
    case 'stdio':
      return new PipeStream(native, adoptEnds(native, address, 0, 1));
    case 'inherited':
      return takeInherited(native, address);
    case 'offered': {
      const ends = takeOffer(place.name);
      if (ends !== undefined) return new PipeStream(native, ends);
      const why =
        'its pipes have been used already, or the child has ended. Pipes are one link for life: start the child anew';
      throw unreachable(address, why);
    }
  }
}

function takeInherited(native: NativeAddon, address: Address): PipeStream {
  const told = process.env[INHERITED_VARIABLE];
  if (told === undefined) {
    const why = `the environment has no ${INHERITED_VARIABLE}: this process was not started with pipes, or has used them already. spawnWithPipes starts a program with pipes`;
    throw unreachable(address, why);
  }
  const meant = told === 'inherited' ? undefined : parseAddress(`pipe:${told}`);
  const place = meant === undefined ? undefined : placeOf(meant);
  if (place?.kind !== 'numbers' && place?.kind !== 'stdio') {
    const why = `${INHERITED_VARIABLE} says "${told}"; expected stdio, or two descriptors such as 3,4`;
    throw unreachable(address, why);
  }
  const [input, output] = place.kind === 'stdio' ? [0, 1] : [place.input, place.output];
  const stream = new PipeStream(native, adoptEnds(native, address, input, output));
  // The children of this process have not got them.
  delete process.env[INHERITED_VARIABLE];
  return stream;
}

function unreachable(address: Address, why: string): RpcError {
  return new RpcError('UNAVAILABLE', `cannot use ${address.url}: ${why}`, {
    reason: Reason.UNREACHABLE,
    failed: 'channel',
  });
}
