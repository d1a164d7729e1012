import type { RecordFault } from "../joining/dataset-reading.ts";

/** The longest text that is taken; COCO's captions end at 250 characters. */
const MAX_TEXT_CHARACTERS = 10_000;

/**
 * Why a text cannot be used, or undefined. Texts are stored as published; only what cannot be a text, or cannot be
 * stored, is held back.
 */
export function textFault(text: string): Omit<RecordFault, "id"> | undefined {
  if (!text.isWellFormed()) {
    return { fault: "CAP_NOT_UNICODE", evidence: "it has a lone surrogate" };
  }
  if (!/[\p{L}\p{N}\p{P}\p{S}]/u.test(text)) {
    return { fault: "CAP_EMPTY", evidence: "it has no visible character" };
  }
  if (text.length > MAX_TEXT_CHARACTERS) {
    const evidence = `${text.length} characters; up to ${MAX_TEXT_CHARACTERS} are taken`;
    return { fault: "CAP_TOO_LONG", evidence };
  }
  return undefined;
}
