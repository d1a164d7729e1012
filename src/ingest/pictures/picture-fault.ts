/** Why a picture cannot be stored; the codes stand in the ledger. */
export type PictureFaultCode =
  | "IMG_EMPTY"
  | "IMG_NOT_IMAGE"
  | "IMG_FORMAT_NOT_ALLOWED"
  | "IMG_TOO_MANY_PIXELS"
  | "IMG_FILE_TOO_LARGE"
  | "IMG_TRUNCATED"
  | "IMG_CORRUPT"
  | "IMG_DECODER_DIED";

/** A picture file that exists but cannot be used; its records go to quarantine and the run goes on. */
export class PictureFault extends Error {
  readonly code: PictureFaultCode;

  constructor(code: PictureFaultCode, message: string) {
    super(message);
    this.name = "PictureFault";
    this.code = code;
  }
}
