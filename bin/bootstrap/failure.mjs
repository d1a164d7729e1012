/** A fault of the bootstrap, told as the commands tell theirs. */
export class BootstrapFailure extends Error {
  constructor(message, { exitCode, remedy }) {
    super(message);
    this.exitCode = exitCode;
    this.remedy = remedy;
  }
}

export const EXIT_INCOMPLETE = 24;
