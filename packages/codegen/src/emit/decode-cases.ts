/** The branches of a message's decoder: one per tag that a field can arrive with. */
import type { FieldModel, ValueModel } from '@callgate/core/codec/proto';
import { closedNumbers } from './closed.js';
import type { Names } from './names.js';
import { type Code, quote } from './text.js';
import { DELIMITED, GROUP, reader, tsType, wireType, zero } from './values.js';

function isHandle(value: ValueModel): boolean {
  return value.kind === 'scalar' && value.scalar === 'handle';
}

type Plain = Exclude<ValueModel, { readonly kind: 'message' }>;

export class DecodeCases {
  readonly #code: Code;
  readonly #names: Names;

  constructor(code: Code, names: Names) {
    this.#code = code;
    this.#names = names;
  }

  emit(field: FieldModel): void {
    const { value } = field;
    if (field.key !== undefined) this.#map(field);
    else if (value.kind === 'message') this.#nested(field);
    else {
      if (field.shape === 'repeated' && wireType(value) !== DELIMITED) this.#packed(field, value);
      this.#plain(field, value);
    }
  }

  /** What to do with a value that was read. */
  #store(field: FieldModel, expression: string): string {
    const variable = this.#names.variable((field.oneof ?? field).localName);
    if (field.oneof !== undefined) return `${variable} = { case: ${quote(field.localName)}, value: ${expression} };`;
    return field.shape === 'repeated' ? `${variable}.push(${expression});` : `${variable} = ${expression};`;
  }

  /** A scalar or enum. Numbers that a closed enum does not name are dropped, as unknown fields are. */
  #plain(field: FieldModel, value: Plain): void {
    const read = `${reader(value, field.strictUtf8, this.#names)}(bytes, pos, end, ${quote(field.fullName)})`;
    if (value.kind === 'enum' && value.closed) {
      this.#case(field.number, wireType(value), true, () => {
        this.#code.line(`const value = ${read};`, this.#next(), this.#storeKnown(field, value));
      });
    } else {
      this.#case(field.number, wireType(value), false, () => {
        this.#code.line(this.#store(field, read), this.#next());
      });
    }
  }

  #storeKnown(field: FieldModel, value: Plain): string {
    const known = value.kind === 'enum' ? closedNumbers(value, this.#names) : '';
    return `if (${known}.has(value)) ${this.#store(field, `value as ${tsType(value, this.#names)}`)}`;
  }

  /** Numbers of a repeated field may come as one block, whatever the schema says. */
  #packed(field: FieldModel, value: Plain): void {
    this.#case(field.number, DELIMITED, true, () => {
      this.#code.line(this.#until(field), this.#next());
      this.#code.block('while (pos < until) {', () => {
        const read = `${reader(value, field.strictUtf8, this.#names)}(bytes, pos, until, ${quote(field.fullName)})`;
        if (value.kind === 'enum' && value.closed) {
          this.#code.line(`const value = ${read};`, this.#next(), this.#storeKnown(field, value));
        } else this.#code.line(this.#store(field, read), this.#next());
      });
    });
  }

  /** A message; a singular one that occurs again is merged into what was read before. */
  #nested(field: FieldModel): void {
    const { value } = field;
    if (value.kind !== 'message') return;
    const variable = this.#names.variable((field.oneof ?? field).localName);
    const base = field.shape === 'repeated' ? '' : field.oneof === undefined ? `, ${variable}` : ', before';
    const decode = (from: string) => `${this.#names.codec(value, 'decode')}(bytes, ${from}, until, depth + 1${base})`;
    const member = `const before = ${variable}?.case === ${quote(field.localName)} ? ${variable}.value : undefined;`;
    const before = field.oneof === undefined ? [] : [member];
    if (field.group) {
      this.#case(field.number, GROUP, true, () => {
        const find = `${this.#names.run('groupEnd')}(bytes, pos, end, tag, ${quote(field.fullName)}, depth + 1)`;
        this.#code.line(`const until = ${find};`, `const next = ${this.#names.run('cursor')}.pos;`);
        this.#code.line(...before, this.#store(field, decode('pos')), 'pos = next;');
      });
    } else {
      this.#case(field.number, DELIMITED, true, () => {
        const from = `${this.#names.run('cursor')}.pos`;
        this.#code.line(this.#until(field), ...before, this.#store(field, decode(from)), 'pos = until;');
      });
    }
  }

  /** An entry is a message of a key and a value, either of which may be missing. */
  #map(field: FieldModel): void {
    this.#case(field.number, DELIMITED, true, () => {
      const { value } = field;
      const name = quote(field.fullName);
      const keyModel: Plain = { kind: 'scalar', scalar: field.key! };
      this.#code.line(this.#until(field), this.#next());
      this.#code.line(`let key = ${zero(keyModel, this.#names)};`);
      this.#code.line(
        value.kind === 'message' || isHandle(value)
          ? `let value: ${tsType(value, this.#names)} | undefined;`
          : `let value = ${zero(value, this.#names)};`,
      );
      this.#code.block('while (pos < until) {', () => {
        this.#code.line(`const entryTag = ${this.#names.run('readTag')}(bytes, pos, until, ${name});`, this.#next());
        this.#code.block('switch (entryTag) {', () => {
          const read = (model: Plain) => `${reader(model, field.strictUtf8, this.#names)}(bytes, pos, until, ${name})`;
          this.#case(1, wireType(keyModel), false, () => this.#code.line(`key = ${read(keyModel)};`, this.#next()));
          if (value.kind !== 'message') {
            this.#case(2, wireType(value), false, () => this.#code.line(`value = ${read(value)};`, this.#next()));
          } else {
            this.#case(2, DELIMITED, true, () => {
              const decode = this.#names.codec(value, 'decode');
              const run = this.#names.run('cursor');
              this.#code.line(`const valueEnd = ${this.#names.run('readLength')}(bytes, pos, until, ${name});`);
              this.#code.line(`value = ${decode}(bytes, ${run}.pos, valueEnd, depth + 1, value);`, 'pos = valueEnd;');
            });
          }
          const skip = `${this.#names.run('skipField')}(bytes, pos, until, entryTag, ${name}, depth + 1)`;
          this.#code.line('default:').indented(() => this.#code.line(`pos = ${skip};`));
        });
      });
      this.#code.line(this.#entry(field));
    });
  }

  /** Stores a map's entry. */
  #entry(field: FieldModel): string {
    const { value } = field;
    const variable = this.#names.variable(field.localName);
    if (value.kind === 'message') {
      const empty = `${this.#names.codec(value, 'decode')}(bytes, pos, pos, depth + 1)`;
      return `${variable}.set(key, value ?? ${empty});`;
    }
    if (isHandle(value)) {
      return `${variable}.set(key, value ?? ${this.#names.run('missingHandle')}(${quote(field.fullName)}));`;
    }
    if (value.kind !== 'enum' || !value.closed) return `${variable}.set(key, value);`;
    const known = closedNumbers(value, this.#names);
    return `if (${known}.has(value)) ${variable}.set(key, value as ${tsType(value, this.#names)});`;
  }

  #until(field: FieldModel): string {
    return `const until = ${this.#names.run('readLength')}(bytes, pos, end, ${quote(field.fullName)});`;
  }

  #next(): string {
    return `pos = ${this.#names.run('cursor')}.pos;`;
  }

  #case(number: number, wire: number, scoped: boolean, body: () => void): void {
    const head = `case ${number * 8 + wire}:`;
    const branch = () => {
      body();
      this.#code.line('break;');
    };
    if (scoped) this.#code.block(`${head} {`, branch);
    else this.#code.line(head).indented(branch);
  }
}
