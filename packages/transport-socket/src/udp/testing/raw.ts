import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { GREETING_BYTES, Kind, kindOf, readGreeting, writeGreeting, writeHead } from '../layout.js';

/** A peer that speaks datagrams by hand, from a port of its own. */
export class RawPeer implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #heard: Buffer[] = [];
  #wake: (() => void) | undefined;
  readonly port: number;
  readonly heardBytes: number[] = [];

  private constructor(socket: Socket, port: number) {
    this.#socket = socket;
    this.port = port;
    socket.on('message', (message) => {
      this.#heard.push(message);
      this.heardBytes.push(message.length);
      this.#wake?.();
    });
  }

  /** `port`: to whom it speaks, and whom it hears alone. */
  static async to(port: number): Promise<RawPeer> {
    const socket = createSocket('udp4');
    socket.connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new RawPeer(socket, socket.address().port);
  }

  /** Plays a server: hears everybody. */
  static async server(answer: (message: Buffer, say: (bytes: Buffer) => void) => void): Promise<RawPeer> {
    const socket = createSocket('udp4');
    socket.on('message', (message, from) => answer(message, (bytes) => socket.send(bytes, from.port, from.address)));
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new RawPeer(socket, socket.address().port);
  }

  get url(): string {
    return `udp://127.0.0.1:${this.port}`;
  }

  send(bytes: Uint8Array): void {
    this.#socket.send(bytes);
  }

  /** From this peer's own port to any other. */
  sendTo(bytes: Uint8Array, port: number): void {
    const stray = createSocket('udp4');
    stray.send(bytes, port, '127.0.0.1', () => stray.close());
  }

  async next(): Promise<Buffer> {
    while (this.#heard.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#heard.shift()!;
  }

  /** Greets; what it is told. */
  async hello(id: bigint, maxMessageBytes = 1400): Promise<ReturnType<typeof readGreeting>> {
    this.send(writeGreeting({ kind: Kind.HELLO, id, maxMessageBytes }));
    return readGreeting(await this.next());
  }

  /** Opens a link by the token that it was told; what is answered. */
  async open(id: bigint, { word, token }: { word: number; token: bigint }): Promise<Buffer> {
    this.send(writeGreeting({ kind: Kind.OPEN, id, word, token, maxMessageBytes: 1400 }));
    return this.next();
  }

  async link(id: bigint): Promise<void> {
    const opened = await this.open(id, await this.hello(id));
    if (kindOf(opened, opened.length) !== Kind.OPENED) throw new Error(`not opened: ${opened.toString('hex')}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await once(this.#socket, 'close');
  }
}

export function message(id: bigint, text: string): Buffer {
  const bytes = Buffer.alloc(16 + text.length);
  writeHead(bytes, Kind.MESSAGE, id);
  bytes.write(text, 16, 'latin1');
  return bytes;
}

export function short(kind: number, id: bigint): Buffer {
  const bytes = Buffer.alloc(16);
  writeHead(bytes, kind, id);
  return bytes;
}

export { GREETING_BYTES };
