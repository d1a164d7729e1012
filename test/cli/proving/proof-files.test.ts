import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { chmod, readFile, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import {
  readSigningKey,
  readVerifyingKey,
  writeKeyPair,
} from "../../../src/cli/proving/proof-files.ts";
import { ConfigError, RefusedError } from "../../../src/core/errors.ts";
import { temporaryFolder } from "../../shards/small-set.ts";

it("signs with no key that others than its owner may read", async () => {
  await using made = await temporaryFolder();
  const { keyId, privateKey } = await writeKeyPair(join(made.path, "key"));
  const link = join(made.path, "link");
  await symlink(privateKey, link);
  for (const path of [privateKey, link]) expect((await readSigningKey(path)).keyId).toBe(keyId);
  for (const mode of [0o644, 0o640, 0o620]) {
    await chmod(privateKey, mode);
    for (const path of [privateKey, link]) {
      const reading = readSigningKey(path);
      await expect(reading).rejects.toThrow(RefusedError);
      await expect(reading).rejects.toThrow(`(mode ${mode.toString(8)})`);
    }
  }
});

it("takes no pipe, folder, absent, endless or foreign file for a key", async () => {
  await using made = await temporaryFolder();
  const pipe = join(made.path, "pipe");
  execFileSync("mkfifo", [pipe]);
  const large = join(made.path, "large");
  await writeFile(large, "");
  await truncate(large, 2 ** 40);
  const other = join(made.path, "p256");
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  await writeFile(other, publicKey.export({ type: "spki", format: "pem" }));
  for (const path of [pipe, large, other, made.path, join(made.path, "absent"), "/dev/zero"]) {
    await expect(readSigningKey(path)).rejects.toThrow(ConfigError);
    await expect(readVerifyingKey(path)).rejects.toThrow(ConfigError);
  }
});

it("writes a key over nothing, not through a link either, and leaves no half of a pair", async () => {
  await using made = await temporaryFolder();
  const path = join(made.path, "key");
  await writeFile(join(made.path, "foreign"), "theirs");
  await symlink(join(made.path, "foreign"), `${path}.pub`);
  await expect(writeKeyPair(path)).rejects.toThrow(RefusedError);
  await expect(stat(path)).rejects.toThrow(/ENOENT/);
  expect(await readFile(join(made.path, "foreign"), "utf8")).toBe("theirs");
});
