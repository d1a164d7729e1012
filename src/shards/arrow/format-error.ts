/** Bytes that are not a well-formed Arrow file of ours; the caller knows the place and turns it into a `ShardError`. */
export class ArrowFormatError extends Error {
  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}
