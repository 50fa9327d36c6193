import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { installedFolder } from '../testing/installed.js';
import { runNode } from '../testing/run.js';

const proto = `syntax = "proto3";
package greet;
message Words { string text = 1; }
service Greeter { rpc Greet(Words) returns (Words); }
`;

const service = `import { type CallContext, implement } from 'callgate';
import { CALL_CONTEXT, inject, injectable, singleton } from 'callgate/di';
import { loadService } from 'callgate/load';

@singleton()
class Manners {
  readonly word: string = 'Hello';
}

@injectable()
class GreeterService {
  readonly #manners: Manners;
  readonly #context: CallContext;

  constructor(@inject(Manners) manners: Manners, @inject(CALL_CONTEXT) context: CallContext) {
    this.#manners = manners;
    this.#context = context;
  }

  greet({ text }: { text: string }) {
    return { text: \`\${this.#manners.word}, \${text}, from \${this.#context.path}\` };
  }
}

export default implement(loadService('greet.proto', 'greet.Greeter'), GreeterService as never);
`;

const main = `import { createClient, createServer } from 'callgate';
import { loadService } from 'callgate/load';

const Greeter = loadService('greet.proto', 'greet.Greeter');
await using server = createServer({ pool: { maximum: 2 } });
// As it will be called once it is built.
server.add(Greeter, { module: new URL('./greeter-service.js', import.meta.url) });
const [url] = await server.listen('unix:greeter.sock');
await using greeter = createClient(Greeter, url);
console.log((await greeter.greet({ text: 'you' })).text);
`;

it('A service in TypeScript runs in workers from source, decorators and all, with the loader that its server runs with.', async () => {
  using folder = installedFolder();
  symlinkSync(
    fileURLToPath(new URL('../../node_modules/tsx', import.meta.url)),
    join(folder.path, 'node_modules', 'tsx'),
  );
  const file = (name: string, text: string): string => {
    const path = join(folder.path, name);
    writeFileSync(path, text);
    return path;
  };
  file('greet.proto', proto);
  file('package.json', '{ "type": "module" }');
  file('tsconfig.json', '{ "compilerOptions": { "experimentalDecorators": true, "target": "es2022" } }');
  file('greeter-service.ts', service);
  const path = file('main.ts', main);
  const finished = await runNode(pathToFileURL(path), [], {
    cwd: folder.path,
    env: { NODE_OPTIONS: '--import tsx' },
  });
  expect(finished).toEqual({ code: 0, signal: null, stdout: 'Hello, you, from greet.Greeter/Greet\n', stderr: '' });
});
