/** How long, in ms, an event is waited for. */
const PATIENCE_MS = 15_000;

/** What has happened, by name, and who waits for it. */
export class Events {
  readonly #happened = new Map<string, unknown[]>();
  readonly #waiting = new Map<string, ((about: unknown) => void)[]>();

  add(name: string, about: unknown): void {
    const waiter = this.#waiting.get(name)?.shift();
    if (waiter !== undefined) waiter(about);
    else this.#happened.set(name, [...(this.#happened.get(name) ?? []), about]);
  }

  clear(): void {
    this.#happened.clear();
    this.#waiting.clear();
  }

  count(name: string): number {
    return this.#happened.get(name)?.length ?? 0;
  }

  next(name: string): Promise<unknown> {
    const happened = this.#happened.get(name);
    if (happened !== undefined && happened.length > 0) return Promise.resolve(happened.shift());
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`"${name}" did not happen`)), PATIENCE_MS);
      const waiter = (about: unknown): void => {
        clearTimeout(timer);
        resolve(about);
      };
      this.#waiting.set(name, [...(this.#waiting.get(name) ?? []), waiter]);
    });
  }
}
