/** The demo's client by gRPC-js: the same questions, the same measurement. It has no blocking calls. */
import { jobOf, timeAsync } from '@callgate/bench';
import { type Client, credentials } from '@grpc/grpc-js';
import type {
  LookUpReply,
  LookUpRequest,
  NearestReply,
  NearestRequest,
  StatisticsReply,
  StatisticsRequest,
} from '../gen/geo.js';
import { openAtlas } from './atlas.js';
import type { ClientJob } from './client-main.js';
import { createConversation } from './conversation.js';
import { loadGeo } from './grpc.js';
import { type GrpcStreams, streamsOf } from './grpc-streams.js';
import { type AsyncAnswerer, ask, askAsync, digest, questionsAbout } from './questions.js';
import { print } from './report.js';
import { createGeoService } from './service.js';
import { tourAwaiting } from './streaming.js';
import { createTour } from './tour.js';

type Method<Request, Reply> = (request: Request, done: (error: Error | null, reply: Reply) => void) => void;
type GeoClient = Client &
  GrpcStreams & {
    LookUp: Method<LookUpRequest, LookUpReply>;
    Nearest: Method<NearestRequest, NearestReply>;
    Statistics: Method<StatisticsRequest, StatisticsReply>;
  };

const { url, seconds, warmUpSeconds } = jobOf<ClientJob>();
const client = new (loadGeo())(url, credentials.createInsecure()) as unknown as GeoClient;

function promised<Request, Reply>(method: Method<Request, Reply>): (request: Request) => Promise<Reply> {
  return (request) =>
    new Promise((resolve, reject) =>
      method.call(client, request, (error: Error | null, reply: Reply) => (error ? reject(error) : resolve(reply))),
    );
}

const service: AsyncAnswerer = {
  lookUp: promised(client.LookUp),
  nearest: promised(client.Nearest),
  statistics: promised(client.Statistics),
};

const atlas = openAtlas();
const questions = questionsAbout(atlas);
const answers = await Promise.all(questions.map((question) => askAsync(service, question)));
const expected = questions.map((question) => ask(createGeoService(atlas), question));
const differences = answers.filter((answer, i) => answer !== expected[i]).slice(0, 3);
print({ kind: 'answers', mode: 'async', questions: questions.length, digest: digest(answers), differences });

const conversation = createConversation(atlas);
for (const [mode, inFlight] of [
  ['async', 1],
  ['async, 64 in flight', 64],
] as const) {
  await timeAsync(warmUpSeconds, inFlight, conversation, service.lookUp);
  print({ kind: 'timing', mode, ...(await timeAsync(seconds, inFlight, conversation, service.lookUp)) });
}
await tourAwaiting(streamsOf(client), createTour(atlas), seconds / 4);
client.close();
