/** What is used of it; it has no types of its own. */
declare module '@achrinza/node-ipc' {
  interface Part {
    on(event: string, listener: (...args: never[]) => void): void;
    emit(event: string, data: unknown): void;
    emit(socket: import('node:net').Socket, event: string, data: unknown): void;
    start(): void;
    stop(): void;
  }
  export class IPCModule {
    readonly config: { silent: boolean };
    readonly server: Part;
    readonly of: { readonly [name: string]: Part | undefined };
    serve(path: string, listening: () => void): void;
    connectTo(name: string, path: string, connecting: () => void): void;
    disconnect(name: string): void;
  }
}
