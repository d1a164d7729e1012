import { StateError } from "../errors.ts";

/** A payload with signatures over its pre-authentication encoding: DSSE 1.0 (secure-systems-lab/dsse). */
export interface DsseEnvelope {
  readonly payloadType: string;
  readonly payload: Uint8Array;
  readonly signatures: readonly DsseSignature[];
}

interface DsseSignature {
  /** A hint which key signed; nothing signs the hint itself. */
  readonly keyId: string;
  readonly signature: Uint8Array;
}

/** What a signer signs (PAE of the specification): "DSSEv1", then type and payload, each after its length in bytes. */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.byteLength} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

/** The envelope's file: one JSON object, indented by one space, with a line end; equal envelopes give equal bytes. */
export function envelopeText({ payload, payloadType, signatures }: DsseEnvelope): string {
  const document = {
    payloadType,
    payload: base64(payload),
    signatures: signatures.map(({ keyId, signature }) => ({
      keyid: keyId,
      sig: base64(signature),
    })),
  };
  return `${JSON.stringify(document, null, 1)}\n`;
}

/**
 * Reads an envelope from `text`, the content of `file`. Throws StateError when it is none, or is not written
 * byte for byte as `envelopeText` writes it: then somebody changed it.
 */
export function parseEnvelope(text: string, file: string): DsseEnvelope {
  const document = jsonObject(text);
  if (document === undefined) throw notAnEnvelope(file, "it is no JSON object");
  const { payload, payloadType, signatures } = document;
  if (typeof payload !== "string" || typeof payloadType !== "string") {
    throw notAnEnvelope(file, `"payload" or "payloadType" is missing`);
  }
  if (!Array.isArray(signatures)) throw notAnEnvelope(file, `"signatures" is missing`);
  const envelope = {
    payloadType,
    payload: Buffer.from(payload, "base64"),
    signatures: signatures.map((entry: unknown) => parseSignature(entry, file)),
  };
  if (envelopeText(envelope) !== text) {
    throw new StateError(`${file}: the envelope is not as it was written; the file was changed`, {
      file,
      remedy: "take the file from where it was published",
    });
  }
  return envelope;
}

function parseSignature(entry: unknown, file: string): DsseSignature {
  const { keyid, sig } = isObject(entry) ? entry : {};
  if (typeof keyid !== "string" || typeof sig !== "string") {
    throw notAnEnvelope(file, `a signature has no "keyid" or no "sig"`);
  }
  return { keyId: keyid, signature: Buffer.from(sig, "base64") };
}

function notAnEnvelope(file: string, found: string): StateError {
  return new StateError(`${file}: not a DSSE envelope: ${found}`, {
    file,
    remedy: "name the file that crossweave audit --proof wrote",
  });
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

type JsonObject = { readonly [name: string]: unknown };

/** The JSON object that a text spells, or undefined. */
export function jsonObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
