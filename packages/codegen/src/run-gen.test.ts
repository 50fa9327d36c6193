import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runGen } from './index.js';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'callgate-gen-'));
});

afterEach(() => {
  rmSync(dir, { recursive: true });
});

function proto(name: string, text: string): string {
  const path = join(dir, name);
  writeFileSync(path, `syntax = "proto3";\n${text}`);
  return path;
}

it('says what it made of what', () => {
  const path = proto('a.proto', 'message A {}');
  const out = join(dir, 'out');
  expect(runGen({ protos: [path], out })).toEqual({ exitCode: 0, messages: [`${path} -> ${join(out, 'a.ts')}`] });
  expect(existsSync(join(out, 'a.ts'))).toBe(true);
});

it('says each problem in a line, and writes nothing', () => {
  const path = proto('a.proto', 'message A {\n  Citty c = 1;\n  Streat s = 2;\n}');
  const out = join(dir, 'out');
  const messages = [`${path}:3: "Citty" is not defined`, `${path}:4: "Streat" is not defined`];
  expect(runGen({ protos: [path], out })).toEqual({ exitCode: 1, messages });
  expect(existsSync(out)).toBe(false);
});

it('asks for files when there are none', () => {
  expect(runGen({ protos: [], out: dir })).toEqual({ exitCode: 1, messages: ['no .proto files were given'] });
});

it('says when it cannot write', () => {
  const path = proto('a.proto', 'message A {}');
  const { exitCode, messages } = runGen({ protos: [path], out: path });
  expect(exitCode).toBe(1);
  expect(messages[0]).toContain(`cannot write into ${path}: `);
});
