import type { Fault } from "../workers/thread-faults.ts";
import type { PictureToDecode } from "./read-pictures.ts";

/** What a thread that only decodes is started with. */
export interface DecodeStart {
  readonly pictures: readonly PictureToDecode[];
}

/** To decode for so long. */
export interface DecodeRequest {
  readonly seconds: number;
}

export type DecodeReply =
  | { readonly kind: "decoded"; readonly picturesPerSecond: number }
  | { readonly kind: "failed"; readonly fault: Fault };
