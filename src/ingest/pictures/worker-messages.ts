import type { PictureReference, StoredPicture } from "../../core/records.ts";
import type { PictureFaultCode } from "./picture-fault.ts";
import type { PicturePolicy } from "./store-picture.ts";

/** What a decoder process is told first. */
export interface DecoderStart {
  readonly sourceFolder: string;
  readonly policy: PicturePolicy;
}

/** A picture to store. Requests are answered one after the other. */
export interface PictureRequest {
  readonly reference: PictureReference;
  /** Whether no other large picture is being decoded, so that this one may be. */
  readonly mayBeLarge: boolean;
}

export type DecoderRequest =
  | { readonly kind: "start"; readonly start: DecoderStart }
  | { readonly kind: "store"; readonly request: PictureRequest };

export type DecoderReply =
  /** It has started, and answers the requests from here on. */
  | { readonly kind: "ready" }
  | { readonly kind: "stored"; readonly picture: StoredPicture }
  | { readonly kind: "faulty"; readonly code: PictureFaultCode; readonly message: string }
  /** It needs so much memory that only one such picture is decoded at a time: ask again. */
  | { readonly kind: "large" }
  | { readonly kind: "failed"; readonly failure: SourceFailure | UnknownFailure };

/** The fields of a SourceError, which the structured clone of an error does not keep. */
interface SourceFailure {
  readonly isSourceError: true;
  readonly message: string;
  readonly file: string | undefined;
  readonly remedy: string | undefined;
}

interface UnknownFailure {
  readonly isSourceError: false;
  readonly message: string;
  readonly stack: string | undefined;
}
