// Nanoseconds that encoding (size and encode) and decoding take, beside protobufjs. After a build, from the root:
//   node packages/codegen/bench/codec.mjs [case …]
// Each case runs in a process of its own, so that none profits or suffers from what another taught the compiler.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';

const root = new URL('../../../', import.meta.url);
const greeter = await import(new URL('bench/dist/gen/greeter.js', root).href);
const geo = await import(new URL('examples/dist/gen/geo.js', root).href);

const letters = 'abcdefghijklmnop';
const greet = (size) => (i) => ({
  name: `Ada Lovel${letters[i]}`,
  id: 1000 + i * 1_000_000,
  data: new Uint8Array(size).fill(i),
});
const city = (i) => ({
  id: 2_950_159 + i,
  name: `Berlin-${letters[i]}`,
  country: 'DE',
  population: 3_426_354n + BigInt(i),
  location: { latitude: 52.52437 + i, longitude: 13.41053 },
});
const cities = (count) => (i) => ({ cities: Array.from({ length: count }, (_, k) => city((i + k) % 16)) });

const cases = {
  greet: [greeter.GreetRequest, greet(40), 'bench/proto/greeter.proto'],
  reply: [
    greeter.GreetReply,
    (i) => ({ ...greet(40)(i), greeting: `Hello, Ada Lovel${letters[i]}ce` }),
    'bench/proto/greeter.proto',
  ],
  'greet-1k': [greeter.GreetRequest, greet(1024), 'bench/proto/greeter.proto'],
  city: [geo.City, city, 'examples/proto/geo.proto'],
  'cities-10': [geo.LookUpReply, cities(10), 'examples/proto/geo.proto'],
  'cities-1000': [geo.LookUpReply, cities(1000), 'examples/proto/geo.proto'],
};

const asked = process.argv.slice(2);
if (asked[0] === '--run') run(asked[1]);
else {
  console.log('case            codec        encode ns  decode ns  both ns');
  for (const name of asked.length > 0 ? asked : Object.keys(cases)) {
    spawnSync(process.execPath, [fileURLToPath(import.meta.url), '--run', name], { stdio: 'inherit' });
  }
}

function run(name) {
  const [type, make, proto] = cases[name];
  const messages = letters.split('').map((_, i) => make(i));
  const bytes = Buffer.alloc(1 << 20);
  const end = type.encode(messages[3], bytes, 0);
  const loops = Math.ceil(2e7 / (end + 60));
  let kept;
  const mine = [
    measure(loops, (i) => type.encode(messages[i & 15], bytes, type.size(messages[i & 15]) & 15)),
    measure(
      loops,
      () => {
        kept = type.decode(bytes, 0, end);
      },
      () => type.encode(messages[3], bytes, 0),
    ),
    measure(loops, (i) => {
      const size = type.size(messages[i & 15]);
      type.encode(messages[i & 15], bytes, 64);
      kept = type.decode(bytes, 64, 64 + size);
    }),
  ];
  report(name, 'callgate', mine);

  const root = new protobuf.Root();
  root.resolvePath = (_, target) => (target.startsWith('callgate/') ? null : target);
  const theirs = root.loadSync(proto, { keepCase: true }).lookupType(type.typeName);
  const objects = messages.map((message) => theirs.create(withLongs(message)));
  const encoded = theirs.encode(objects[3]).finish();
  report(name, 'protobufjs', [
    measure(loops, (i) => {
      kept = theirs.encode(objects[i & 15]).finish();
    }),
    measure(loops, () => {
      kept = theirs.decode(encoded);
    }),
    measure(loops, (i) => {
      kept = theirs.decode(theirs.encode(objects[i & 15]).finish());
    }),
  ]);
  if (kept === undefined) throw new Error('nothing was decoded');
}

/** The best of some rounds, in nanoseconds each. */
function measure(loops, body, prepare = () => {}) {
  let best = Infinity;
  for (let round = 0; round < 9; round++) {
    prepare();
    const begun = process.hrtime.bigint();
    for (let i = 0; i < loops; i++) body(i);
    best = Math.min(best, Number(process.hrtime.bigint() - begun) / loops);
  }
  return best;
}

function report(name, codec, times) {
  console.log(name.padEnd(16) + codec.padEnd(12) + times.map((ns) => ns.toFixed(0).padStart(10)).join(' '));
}

/** protobufjs takes 64-bit integers as its own kind of object. */
function withLongs(value) {
  if (typeof value === 'bigint') return protobuf.util.Long.fromString(String(value));
  if (Array.isArray(value)) return value.map(withLongs);
  if (typeof value !== 'object' || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withLongs(inner)]));
}
