import { envelopeText } from "../../src/core/attestation/dsse.ts";
import {
  SET_DIGEST,
  STATEMENT_PAYLOAD_TYPE,
  statementBytes,
} from "../../src/core/attestation/statement.ts";

/** A proof that says nothing but of which set it speaks. */
export function proofOf(digest: string, said = "one"): string {
  const payload = statementBytes({
    subject: [{ name: "made-up", digest: { [SET_DIGEST]: digest } }],
    predicateType: "urn:made-up",
    predicate: { said },
  });
  return envelopeText({ payloadType: STATEMENT_PAYLOAD_TYPE, payload, signatures: [] });
}
