/** Widest line of generated code. */
export const WIDTH = 120;

/** Lines of code, indented by two spaces a level. */
export class Code {
  readonly #lines: string[] = [];
  #level = 0;

  /** Adds lines; an empty one stays empty. */
  line(...lines: readonly string[]): this {
    for (const text of lines) this.#lines.push(text === '' ? '' : '  '.repeat(this.#level) + text);
    return this;
  }

  /** `head`, the lines that `body` adds one level deeper, and `tail`. */
  block(head: string, body: () => void, tail = '}'): this {
    return this.line(head).indented(body).line(tail);
  }

  /** The lines that `body` adds, one level deeper. */
  indented(body: () => void): this {
    this.#level++;
    body();
    this.#level--;
    return this;
  }

  /** `head item, item, item tail` on one line when it fits, otherwise an item a line. */
  list(head: string, items: readonly string[], tail: string, space = ''): this {
    const flat = `${head}${space}${items.join(', ')}${space}${tail}`;
    if (flat.length + 2 * this.#level <= WIDTH) return this.line(flat);
    return this.block(head, () => this.line(...items.map((item) => `${item},`)), tail);
  }

  /** A doc comment, or nothing when there is nothing to say. */
  doc(comment: string | undefined, ...tags: readonly string[]): this {
    const lines = [...(comment ?? '').split('\n'), ...tags].map((text) => text.trimEnd().replaceAll('*/', '*\\/'));
    while (lines[0] === '') lines.shift();
    if (lines.length === 0) return this;
    const [only] = lines;
    if (lines.length === 1 && only !== undefined && only.length + 2 * this.#level + 7 <= WIDTH) {
      return this.line(`/** ${only} */`);
    }
    return this.line('/**', ...lines.map((text) => (text === '' ? ' *' : ` * ${text}`)), ' */');
  }

  toString(): string {
    return `${this.#lines.join('\n')}\n`;
  }
}

/** A string as the source of a literal in single quotes. */
export function quote(text: string): string {
  const inner = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${inner}'`;
}
