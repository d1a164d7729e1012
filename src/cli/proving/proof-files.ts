import { mkdir, open, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import {
  generateKeyPair,
  type SigningKey,
  signingKey,
  type VerifyingKey,
  verifyingKey,
} from "../../audit/proof/keys.ts";
import { type Proof, readProof } from "../../audit/proof/read-proof.ts";
import { ConfigError, errnoOf, RefusedError } from "../../core/errors.ts";
import { explainedWriteError, readGivenFile, syncFolder } from "../../core/files.ts";

/** The two files of a new key pair. */
export interface WrittenKeys {
  readonly privateKey: string;
  readonly publicKey: string;
  readonly keyId: string;
}

const PRIVATE_MODE = 0o600;
const PUBLIC_MODE = 0o644;

/** Makes a key pair: the private key in `path`, for its owner alone, the public key beside it. RefusedError where a file is there already. */
export async function writeKeyPair(path: string): Promise<WrittenKeys> {
  const { keyId, privateKey, publicKey } = generateKeyPair();
  const publicPath = `${path}.pub`;
  await mkdir(dirname(path), { recursive: true }).catch((error: unknown) => {
    throw explainedWriteError(error, dirname(path));
  });
  await writeNewFile(path, privateKey, PRIVATE_MODE);
  try {
    await writeNewFile(publicPath, publicKey, PUBLIC_MODE);
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
  return { privateKey: path, publicKey: publicPath, keyId };
}

async function writeNewFile(path: string, text: string, mode: number): Promise<void> {
  try {
    await using file = await open(path, "wx", mode);
    await file.chmod(mode);
    await file.writeFile(text);
    await file.sync();
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw explainedWriteError(error, path);
    throw new RefusedError(`${path} exists; a key is never overwritten`, {
      file: path,
      remedy: "name another file with --out",
      cause: error,
    });
  }
}

/** Reads a private key. ConfigError when there is none. */
export async function readSigningKey(path: string): Promise<SigningKey> {
  return signingKey(await readKeyText(path), path);
}

/** Reads a public key. ConfigError when there is none. */
export async function readVerifyingKey(path: string): Promise<VerifyingKey> {
  return verifyingKey(await readKeyText(path), path);
}

async function readKeyText(path: string): Promise<string> {
  return readFile(path, "utf8").catch((error: unknown) => {
    throw new ConfigError(`${path}: the key cannot be read (${errnoOf(error)})`, {
      file: path,
      remedy: "make a pair with crossweave proof keygen --out KEY",
      cause: error,
    });
  });
}

/** Reads a proof. SourceError when there is no such file, StateError when it holds no proof. */
export async function readProofFile(path: string): Promise<Proof> {
  const bytes = await readGivenFile(path, "name the file that crossweave audit --proof wrote");
  return readProof(bytes.toString("utf8"), path);
}
