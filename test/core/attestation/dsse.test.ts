import { assert as check, property, uint8Array, webUrl, nat } from "fast-check";
import { describe, expect, it } from "vitest";
import {
  envelopeText,
  parseEnvelope,
  preAuthEncoding,
} from "../../../src/core/attestation/dsse.ts";
import {
  SET_DIGEST,
  setDigestsOf,
  STATEMENT_PAYLOAD_TYPE,
  statementBytes,
  statementIn,
} from "../../../src/core/attestation/statement.ts";
import { StateError } from "../../../src/core/errors.ts";

const signature = { keyId: "a key", signature: Buffer.from("signed") };

describe("a DSSE envelope", () => {
  it("signs the encoding of the specification's own example", () => {
    const encoded = preAuthEncoding("http://example.com/HelloWorld", Buffer.from("hello world"));
    expect(Buffer.from(encoded).toString()).toBe(
      "DSSEv1 29 http://example.com/HelloWorld 11 hello world",
    );
  });

  it("counts bytes, not characters, of a type that is no ASCII", () => {
    const encoded = preAuthEncoding("é", Buffer.from([0xff, 0]));
    expect(Buffer.from(encoded)).toEqual(
      Buffer.concat([Buffer.from("DSSEv1 2 é 2 "), Buffer.from([0xff, 0])]),
    );
  });

  it("is read back as it was written, whatever it holds", () => {
    check(
      property(uint8Array(), webUrl(), (bytes, payloadType) => {
        const payload = Buffer.from(bytes);
        const text = envelopeText({ payloadType, payload, signatures: [signature] });
        expect(parseEnvelope(text, "p")).toEqual({ payloadType, payload, signatures: [signature] });
      }),
    );
  });

  it("is another one, or none, with any byte changed", () => {
    const payload = Buffer.from("what is signed");
    const envelope = { payloadType: "text", payload, signatures: [signature] };
    const text = envelopeText(envelope);
    check(
      property(nat(text.length - 1), nat(255), (position, value) => {
        const bytes = Buffer.from(text);
        if (bytes[position] === value) return;
        bytes[position] = value;
        expect(readOrRefuse(bytes.toString("latin1"))).not.toEqual(envelope);
      }),
    );
  });

  it.each(["", "[]", "null", "{", '{"payload":"","payloadType":""}', '{"payload":1}'])(
    "is not %s",
    (text) => {
      expect(() => parseEnvelope(text, "proof.json")).toThrow(/proof\.json: not a DSSE envelope/);
    },
  );
});

function readOrRefuse(text: string): unknown {
  try {
    return parseEnvelope(text, "proof.json");
  } catch (error) {
    if (error instanceof StateError) return undefined;
    throw error;
  }
}

describe("a statement", () => {
  const subject = [
    { name: "coco", digest: { [SET_DIGEST]: "ab" } },
    { name: "coco/train/00000.arrow", digest: { sha256: "cd" } },
  ];
  const predicateType = "urn:of:ours";

  it("says of which sets and files it speaks", () => {
    const payload = statementBytes({ subject, predicateType, predicate: { b: 1, a: [null] } });
    expect(Buffer.from(payload).toString()).toContain(
      '"predicate":{"a":[null],"b":1},"predicateType":"urn:of:ours","subject":[{',
    );
    const envelope = { payloadType: STATEMENT_PAYLOAD_TYPE, payload, signatures: [] };
    const read = statementIn(envelope, "proof.json");
    expect(read).toEqual({ subject, predicateType, predicate: { a: [null], b: 1 } });
    expect(setDigestsOf(read)).toEqual(["ab"]);
  });

  it.each([
    ["of another type", "text/plain", "{}"],
    ["that is no JSON", STATEMENT_PAYLOAD_TYPE, "{"],
    [
      "of another statement",
      STATEMENT_PAYLOAD_TYPE,
      '{"_type":"https://in-toto.io/Statement/v0.1"}',
    ],
    [
      "of a subject without a digest",
      STATEMENT_PAYLOAD_TYPE,
      '{"_type":"https://in-toto.io/Statement/v1","predicateType":"a","subject":[{"name":"b"}]}',
    ],
  ])("is in no envelope with a payload %s", (_, payloadType, text) => {
    const envelope = { payloadType, payload: Buffer.from(text), signatures: [] };
    expect(() => statementIn(envelope, "proof.json")).toThrow(StateError);
  });
});
