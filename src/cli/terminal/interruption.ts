import { EXIT_INTERRUPTED } from "../../core/errors.ts";

// One Ctrl-C reaches a command several times (the terminal signals the whole group, npm and the
// launcher pass theirs on), so signals this close together count as one.
const ONE_PRESS_MS = 500;

/** The first SIGINT or SIGTERM aborts `signal`; a later one ends the process at once with exit code 130. */
export class Interruption implements Disposable {
  readonly #controller = new AbortController();
  readonly #onFirst: () => void;
  #firstMs: number | undefined;

  constructor(onFirst: () => void) {
    this.#onFirst = onFirst;
    process.on("SIGINT", this.#receive).on("SIGTERM", this.#receive);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    process.off("SIGINT", this.#receive).off("SIGTERM", this.#receive);
  }

  readonly #receive = (): void => {
    if (this.#firstMs === undefined) {
      this.#firstMs = performance.now();
      this.#onFirst();
      this.#controller.abort();
    } else if (performance.now() - this.#firstMs > ONE_PRESS_MS) {
      process.exit(EXIT_INTERRUPTED);
    }
  };
}
