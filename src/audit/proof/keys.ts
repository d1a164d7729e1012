import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { sha256 } from "../../core/digest.ts";
import { ConfigError } from "../../core/errors.ts";

/** A new Ed25519 key pair (RFC 8032) as PEM files: PKCS #8 and SubjectPublicKeyInfo, as OpenSSL writes them. */
export interface KeyPair {
  readonly privateKey: string;
  readonly publicKey: string;
  readonly keyId: string;
}

/** Draws a key pair from the system's random numbers: nothing else of an audit is random. */
export function generateKeyPair(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return {
    privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(),
    keyId: keyIdOf(publicKey),
  };
}

/** Signs with a private key; `keyId` names its public half. */
export interface SigningKey {
  readonly keyId: string;
  sign(bytes: Uint8Array): Uint8Array;
}

/** The private key in `pem`, the content of `file`. Throws ConfigError when it holds none of Ed25519. */
export function signingKey(pem: string, file: string): SigningKey {
  const key = parsedKey(() => createPrivateKey(pem), { file, what: "private" });
  return { keyId: keyIdOf(createPublicKey(pem)), sign: (bytes) => sign(null, bytes, key) };
}

/** Tells whether a signature was made with the private half of a key. */
export interface VerifyingKey {
  readonly keyId: string;
  verifies(bytes: Uint8Array, signature: Uint8Array): boolean;
}

/** The public key in `pem`, the content of `file`. Throws ConfigError when it holds none of Ed25519, or a private key. */
export function verifyingKey(pem: string, file: string): VerifyingKey {
  if (pem.includes("PRIVATE KEY")) {
    throw new ConfigError(
      `${file}: this is a private key, which nobody but its owner should have`,
      {
        file,
        remedy: "name the public key, the file beside it that ends in .pub",
      },
    );
  }
  const key = parsedKey(() => createPublicKey(pem), { file, what: "public" });
  return {
    keyId: keyIdOf(key),
    verifies: (bytes, signature) => verify(null, bytes, key, signature),
  };
}

function parsedKey(
  parse: () => KeyObject,
  { file, what }: { readonly file: string; readonly what: "private" | "public" },
): KeyObject {
  const remedy = `make one with crossweave proof keygen --out KEY and name ${what === "private" ? "KEY" : "KEY.pub"}`;
  try {
    const key = parse();
    if (key.asymmetricKeyType === "ed25519") return key;
    throw new ConfigError(
      `${file}: a ${what} key of the kind "${key.asymmetricKeyType}", expected "ed25519"`,
      { file, remedy },
    );
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`${file}: no ${what} key in PEM without a passphrase`, {
      file,
      remedy,
      cause: error,
    });
  }
}

/** Names a public key: SHA-256 of its SubjectPublicKeyInfo in DER. */
function keyIdOf(key: KeyObject): string {
  return sha256(key.export({ type: "spki", format: "der" }));
}
