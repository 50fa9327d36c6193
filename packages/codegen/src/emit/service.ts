/** A service: a constant whose type knows every method. */
import type { MethodModel, ServiceModel } from '@callgate/core/codec/proto';
import { type Names, tsName } from './names.js';
import { type Code, quote } from './text.js';
import { deprecation } from './types.js';

export function emitService(code: Code, service: ServiceModel, names: Names): void {
  const name = tsName(service);
  code.line('').doc(service.comment, ...deprecation(service));
  const head = `export const ${name}: ${names.run('ServiceDefinition')}<{`;
  const define = `${names.run('defineService')}(${quote(service.typeName)}, {`;
  if (service.methods.length === 0) {
    code.line(`${head}}> = ${define}});`);
    return;
  }
  code.block(
    head,
    () => {
      for (const method of service.methods) {
        code.doc(method.comment, ...deprecation(method));
        code.line(`readonly ${method.localName}: ${typeOf(method, names)};`);
      }
    },
    `}> = ${define}`,
  );
  code.indented(() => {
    for (const method of service.methods) emitMethod(code, method, names);
  });
  code.line('});');
}

function typeOf(method: MethodModel, names: Names): string {
  const args = [names.type(method.request), names.type(method.response)];
  if (method.kind !== 'unary' || method.oneway) args.push(`'${method.kind}'`);
  if (method.oneway) args.push('true');
  return `${names.run('TypedMethod')}<${args.join(', ')}>`;
}

function emitMethod(code: Code, method: MethodModel, names: Names): void {
  code.block(
    `${method.localName}: ${names.run('defineMethod')}({`,
    () => {
      code.line(`name: ${quote(method.name)},`, `localName: ${quote(method.localName)},`);
      if (method.kind !== 'unary') code.line(`kind: '${method.kind}',`);
      code.line(`request: ${names.type(method.request)},`, `response: ${names.type(method.response)},`);
      if (method.oneway) code.line('oneway: true,');
      if (method.idempotent) code.line('idempotent: true,');
      if (method.ordered) code.line('ordered: true,');
      const { timeout, urgent, signal, waitForReady } = method;
      if (timeout !== undefined) code.line(`timeout: ${typeof timeout === 'number' ? timeout : quote(timeout)},`);
      if (urgent !== undefined) code.line(`urgent: ${urgent},`);
      if (signal !== undefined) code.line(`signal: ${quote(signal)},`);
      if (waitForReady !== undefined) code.line(`waitForReady: ${waitForReady},`);
    },
    '}),',
  );
}
