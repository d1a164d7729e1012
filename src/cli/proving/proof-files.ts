import { mkdir, open, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import {
  generateKeyPair,
  type SigningKey,
  signingKey,
  type VerifyingKey,
  verifyingKey,
} from "../../audit/proof/keys.ts";
import { type Proof, readProof } from "../../audit/proof/read-proof.ts";
import { ConfigError, errnoOf, RefusedError, SourceError } from "../../core/errors.ts";
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

/** Reads a private key. ConfigError when there is none, RefusedError when others than its owner may read it. */
export async function readSigningKey(path: string): Promise<SigningKey> {
  const key = signingKey(await readKeyText(path), path);
  const { mode } = await stat(path);
  if ((mode & OTHERS) !== 0 && process.platform !== "win32") {
    const found = (mode & 0o777).toString(8);
    throw new RefusedError(
      `${path}: others than its owner may read this private key (mode ${found})`,
      {
        file: path,
        remedy: `chmod 600 ${path}; whoever may have read it can sign in your name: then make another one`,
      },
    );
  }
  return key;
}

const OTHERS = 0o077;

/** Reads a public key. ConfigError when there is none. */
export async function readVerifyingKey(path: string): Promise<VerifyingKey> {
  return verifyingKey(await readKeyText(path), path);
}

const MAX_KEY_BYTES = 2 ** 16;

async function readKeyText(path: string): Promise<string> {
  const remedy = "make a pair with crossweave proof keygen --out KEY";
  try {
    return (await readGivenFile(path, remedy, MAX_KEY_BYTES)).toString("utf8");
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    throw new ConfigError(error.message, { file: path, remedy, cause: error });
  }
}

/** A proof of 200,000 shards. */
const MAX_PROOF_BYTES = 2 ** 26;

/** Reads a proof. SourceError when there is no such file, StateError when it holds no proof. */
export async function readProofFile(path: string): Promise<Proof> {
  const remedy = "name the file that crossweave audit --proof wrote";
  const bytes = await readGivenFile(path, remedy, MAX_PROOF_BYTES);
  return readProof(bytes.toString("utf8"), path);
}
