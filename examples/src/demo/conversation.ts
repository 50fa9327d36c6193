import type { Dialogue } from '@callgate/bench';
import type { LookUpReply, LookUpRequest } from '../gen/geo.js';
import { Geo } from '../gen/geo.js';
import type { Atlas } from './atlas.js';

/** What is measured: looking up one city by its name, a different one each time. */
export interface Conversation extends Dialogue<LookUpRequest, LookUpReply> {
  /** Mean bytes of the encoded messages, for the bare mechanisms to move as many. */
  readonly requestBytes: number;
  readonly replyBytes: number;
}

const names = 1024;

export function createConversation(atlas: Atlas): Conversation {
  const requests = Array.from({ length: names }, (_, i) => ({
    name: atlas.names[Math.floor((i * atlas.size) / names)]!,
    limit: 1,
  }));
  const ids = new Map(requests.map(({ name }) => [name, atlas.lookUp(name, 1)[0]!.id]));
  const { request, response } = Geo.methods.lookUp;
  const mean = (sizes: number[]) => Math.round(sizes.reduce((sum, size) => sum + size, 0) / sizes.length);
  let next = 0;
  return {
    request: () => requests[next++ % names]!,
    check({ name }, { cities }) {
      if (cities.length !== 1 || cities[0]?.id !== ids.get(name)) throw new Error(`wrong answer for ${name}`);
    },
    requestBytes: mean(requests.map((one) => request.size(one))),
    replyBytes: mean(requests.map(({ name }) => response.size({ cities: [...atlas.lookUp(name, 1)] }))),
  };
}
