/**
 * Finds in a .proto file what protobufjs does not keep: the lines on which things are declared, and which imports are
 * public. It reads only as much of the grammar as that takes, and judges nothing: protobufjs does.
 */

export interface Declaration {
  readonly kind: 'message' | 'enum' | 'service' | 'oneof' | 'field' | 'value' | 'rpc' | 'option' | 'extend';
  /** Full name without a leading dot, such as `geo.City.name`; of an option, its owner's and its own: `geo.Geo.LookUp (callgate.oneway)`. */
  readonly fullName: string;
  readonly name: string;
  /** What it stands in: a message, enum, service, rpc, or the package. */
  readonly owner: string;
  readonly line: number;
  /** Of fields of messages, and of enum values. */
  readonly number?: number;
}

export interface ImportStatement {
  readonly path: string;
  readonly line: number;
  readonly isPublic: boolean;
}

export interface Scan {
  readonly package: string;
  /** As stated; undefined when it is not, or when an edition is. */
  readonly syntax: { readonly name: string; readonly line: number } | undefined;
  readonly imports: readonly ImportStatement[];
  readonly declarations: readonly Declaration[];
}

interface Token {
  readonly text: string;
  readonly line: number;
}

interface Scope {
  readonly kind: Declaration['kind'] | 'value block';
  readonly name: string;
}

const tokenPattern = /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?|[\w.]+|[^\s\w]/g;
const blocks: readonly string[] = ['message', 'enum', 'service', 'oneof', 'extend', 'rpc'];

export function scanProto(source: string): Scan {
  const imports: ImportStatement[] = [];
  const declarations: Declaration[] = [];
  const scopes: Scope[] = [];
  let packageName = '';
  let syntax: Scan['syntax'];
  let statement: Token[] = [];

  const owner = (): string => scopes.findLast((scope) => scope.name !== '')?.name ?? packageName;
  const declare = (kind: Declaration['kind'], token: Token | undefined, number?: number): string => {
    if (token === undefined) return '';
    const separator = kind === 'option' ? ' ' : '.';
    const fullName = owner() === '' ? token.text : `${owner()}${separator}${token.text}`;
    const declaration = { kind, fullName, name: token.text, owner: owner(), line: token.line };
    declarations.push(number === undefined ? declaration : { ...declaration, number });
    return fullName;
  };

  const open = (): Scope => {
    const words = statement.map((token) => token.text);
    const group = words.indexOf('group');
    if (group >= 0 && words[group + 2] === '=' && scopes.at(-1)?.kind !== 'enum') {
      declare('field', lowered(statement[group + 1]), Number(words[group + 3]));
      return { kind: 'message', name: declare('message', statement[group + 1]) };
    }
    // `export message` and `local enum` are of edition 2024.
    const at = words[0] === 'export' || words[0] === 'local' ? 1 : 0;
    const kind = words[at];
    if (words.includes('=') || kind === undefined || !blocks.includes(kind)) return { kind: 'value block', name: '' };
    const name = declare(kind as Declaration['kind'], statement[at + 1]);
    return { kind: kind as Declaration['kind'], name: kind === 'oneof' || kind === 'extend' ? '' : name };
  };

  const close = (): void => {
    const words = statement.map((token) => token.text);
    const kind = scopes.at(-1)?.kind;
    const equals = words.indexOf('=');
    if (words[0] === 'package') packageName = words.slice(1).join('');
    else if (words[0] === 'edition') return;
    else if (words[0] === 'syntax') syntax = { name: (words[2] ?? '').slice(1, -1), line: statement[0]!.line };
    else if (words[0] === 'import') {
      const path = statement.at(-1);
      if (path !== undefined) {
        imports.push({ path: path.text.slice(1, -1), line: path.line, isPublic: words[1] === 'public' });
      }
    } else if (words[0] === 'option') {
      const text = words.slice(1, equals).join('');
      if (kind !== undefined) declare('option', { text, line: statement[0]!.line });
    } else if (words[0] === 'rpc') declare('rpc', statement[1]);
    else if (equals > 0) {
      const sign = words[equals + 1] === '-' ? -1 : 1;
      const number = sign * Number(words[sign < 0 ? equals + 2 : equals + 1]);
      // The number of an extension is one of the message that it extends, not of what it stands in.
      declare(kind === 'enum' ? 'value' : 'field', statement[equals - 1], kind === 'extend' ? undefined : number);
    }
  };

  for (const token of tokens(source)) {
    const inValue = scopes.at(-1)?.kind === 'value block';
    if (token.text === '{') {
      const scope: Scope = inValue ? { kind: 'value block', name: '' } : open();
      scopes.push(scope);
      if (scope.kind !== 'value block') statement = [];
    } else if (token.text === '}') {
      scopes.pop();
      if (!inValue) statement = [];
    } else if (inValue) {
      // The inside of an option's value.
    } else if (token.text === ';') {
      close();
      statement = [];
    } else statement.push(token);
  }
  return { package: packageName, syntax, imports, declarations };
}

function* tokens(source: string): Generator<Token> {
  let line = 1;
  let lineEnd = source.indexOf('\n');
  for (const match of source.matchAll(tokenPattern)) {
    for (; lineEnd >= 0 && lineEnd < match.index; lineEnd = source.indexOf('\n', lineEnd + 1)) line++;
    if (!match[0].startsWith('//') && !match[0].startsWith('/*')) yield { text: match[0], line };
  }
}

/** The field of `group Foo` is called `foo`. */
function lowered(token: Token | undefined): Token | undefined {
  return token && { text: token.text.charAt(0).toLowerCase() + token.text.slice(1), line: token.line };
}
