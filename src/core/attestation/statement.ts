import { canonicalJson, type JsonValue } from "../digest.ts";
import { StateError } from "../errors.ts";
import { type DsseEnvelope, jsonObject } from "./dsse.ts";

/** The payload type of an in-toto statement in a DSSE envelope. */
export const STATEMENT_PAYLOAD_TYPE = "application/vnd.in-toto+json";
const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";
/** Under this name a subject holds the digest that names a shard set, which is no digest of a file. */
export const SET_DIGEST = "crossweaveSet";

/** Something that a statement speaks of, by its digests. */
export interface StatementSubject {
  readonly name: string;
  readonly digest: Readonly<Record<string, string>>;
}

/** An in-toto Statement v1. */
export interface Statement {
  readonly subject: readonly StatementSubject[];
  readonly predicateType: string;
  readonly predicate: unknown;
}

/** The bytes of a statement: canonical JSON. */
export function statementBytes(
  statement: Omit<Statement, "predicate"> & { readonly predicate: JsonValue },
): Uint8Array {
  const { predicate, predicateType, subject } = statement;
  const subjects = subject.map(({ name, digest }) => ({ name, digest: { ...digest } }));
  return Buffer.from(
    canonicalJson({ _type: STATEMENT_TYPE, subject: subjects, predicateType, predicate }),
  );
}

/** The statement in an envelope, whoever signed it. Throws StateError when `file` holds none. */
export function statementIn({ payload, payloadType }: DsseEnvelope, file: string): Statement {
  if (payloadType !== STATEMENT_PAYLOAD_TYPE) {
    throw noStatement(file, `its payload is ${JSON.stringify(payloadType).slice(0, 80)}`);
  }
  const document = jsonObject(Buffer.from(payload).toString("utf8"));
  const { _type, subject, predicateType, predicate } = document ?? {};
  if (_type !== STATEMENT_TYPE || typeof predicateType !== "string" || !Array.isArray(subject)) {
    throw noStatement(file, `its payload is no ${STATEMENT_TYPE}`);
  }
  return {
    subject: subject.map((entry: unknown) => parseSubject(entry, file)),
    predicateType,
    predicate,
  };
}

/** The shard sets that a statement speaks of: the digests that name them. */
export function setDigestsOf({ subject }: Statement): readonly string[] {
  return subject.flatMap(({ digest }) => digest[SET_DIGEST] ?? []);
}

function parseSubject(entry: unknown, file: string): StatementSubject {
  if (typeof entry === "object" && entry !== null && "name" in entry && "digest" in entry) {
    const { name, digest } = entry;
    if (typeof name === "string" && typeof digest === "object" && digest !== null) {
      const digests = Object.entries(digest).map(([algorithm, value]): [string, string] => [
        algorithm,
        String(value),
      ]);
      return { name, digest: Object.fromEntries(digests) };
    }
  }
  throw noStatement(file, "a subject has no name or no digest");
}

function noStatement(file: string, found: string): StateError {
  return new StateError(`${file}: not a proof: ${found}`, {
    file,
    remedy: "name the file that crossweave audit --proof wrote",
  });
}
