/** What can be wrong with an archive or one of its members; the codes stand in the results of a fetch. */
export type ArchiveFaultCode =
  | "ARC_UNSAFE_PATH"
  | "ARC_NOT_A_FILE"
  | "ARC_BOMB"
  | "ARC_CRC"
  | "ARC_AMBIGUOUS"
  | "ARC_TRUNCATED"
  | "ARC_DUP_NAME"
  | "ARC_UNSUPPORTED"
  | "ARC_CORRUPT"
  | "ARC_EXISTS";

/** A fault of one member, which is then left out, or of a whole archive, of which nothing more is then written. */
export class ArchiveFault extends Error {
  readonly code: ArchiveFaultCode;

  constructor(code: ArchiveFaultCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "ArchiveFault";
    this.code = code;
  }
}

/** A member that was not written, and why. */
export interface LeftOutMember {
  /** Its name, with everything escaped that could move a cursor. */
  readonly member: string;
  /** Names may lie or be no text at all; this tells them apart. */
  readonly nameSha256: string;
  /** Where it begins in the zip file or in the unpacked tar. */
  readonly byteOffset: number;
  readonly code: ArchiveFaultCode;
  readonly message: string;
}

/** What became of an archive. */
export interface Unpacking {
  /** Files that are there now: written by this call, or found with the same content. */
  readonly numFiles: number;
  readonly numWritten: number;
  /** Bytes of all of these files. */
  readonly sizeBytes: number;
  readonly numLeftOut: number;
  /** The first of the members left out. */
  readonly leftOut: readonly LeftOutMember[];
  /** Where a cut archive ends; undefined when it is complete. */
  readonly cutAt: number | undefined;
}
