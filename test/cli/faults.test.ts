import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { faultOf } from "../../src/cli/terminal/faults.ts";
import { ShardError } from "../../src/core/errors.ts";

const folder = join(tmpdir(), "crossweave-out");

function systemError(code: string, rest: Readonly<Record<string, string>> = {}): Error {
  return Object.assign(new Error(`${code}: as Node says it`), { code, ...rest });
}

describe("the fault of a system error", () => {
  it.each([
    [24, systemError("ENOSPC", { syscall: "write" }), /^the disk is full: .* free of /],
    [24, systemError("EDQUOT", { syscall: "write" }), /^your disk quota is used up: /],
    [25, systemError("EROFS", { syscall: "open", path: "/cdrom/a" }), /read-only/],
    [25, systemError("ENOENT", { syscall: "mkdir", path: "/ro/a" }), /may be read-only/],
    [25, systemError("ENOTDIR", { syscall: "mkdir", path: "/a.txt/b" }), /is a file/],
    [25, systemError("EEXIST", { syscall: "mkdir", path: "/a.txt" }), /not a folder/],
    [25, systemError("EACCES", { syscall: "mkdir", path: "/root/a" }), /^cannot write \/root\/a/],
    [25, systemError("EACCES", { syscall: "open", path: join(folder, "a") }), /^cannot write /],
    [
      23,
      systemError("EPERM", { syscall: "open", path: "/data/a.jpg" }),
      /^cannot read \/data\/a\.jpg/,
    ],
    [23, systemError("EACCES", { syscall: "open", path: `${folder}-other/a` }), /^cannot read /],
    [
      23,
      systemError("ENOENT", { syscall: "open", path: "/data/a.json" }),
      /^there is no \/data\/a\.json/,
    ],
    [23, systemError("EISDIR", { syscall: "read", path: "/data" }), /^\/data is a folder/],
    [23, systemError("ENAMETOOLONG", { syscall: "open", path: "/data/aaa" }), /is too long/],
    [25, systemError("ENAMETOOLONG", { syscall: "rename", path: "/data/a" }), /^cannot write /],
    [23, systemError("ELOOP", { syscall: "stat", path: "/data/a" }), /leads in a circle/],
    [24, systemError("EIO", { syscall: "read" }), /^the disk fails: .*EIO/],
    [24, systemError("ESTALE", { syscall: "read" }), /^the disk fails: .*ESTALE/],
    [24, systemError("EMFILE", { syscall: "open", path: "/data/a" }), /limit of open files/],
    [24, systemError("ENOTFOUND", { syscall: "getaddrinfo" }), /^the network failed/],
    [1, systemError("ERR_INVALID_ARG_TYPE"), /^this is a bug in crossweave/],
  ])("ends with exit code %i: %s", async (exitCode, error, message) => {
    const fault = await faultOf(error, folder);
    expect(fault).toMatchObject({ exitCode, message: expect.stringMatching(message) });
    expect(fault.remedy).not.toBeNull();
  });

  it("is found behind the error that wraps it", async () => {
    const error = new TypeError("fetch failed", { cause: systemError("ECONNREFUSED") });
    expect(await faultOf(error)).toMatchObject({ code: "INCOMPLETE", exitCode: 24 });
  });

  it("does not replace an error of ours that wraps it", async () => {
    const error = new ShardError("00000.arrow cannot be read", { cause: systemError("ENOENT") });
    expect(await faultOf(error)).toMatchObject({ code: "SHARD", exitCode: 21 });
  });

  it("names a folder that does not exist by the disk it would lie on", async () => {
    const path = join(folder, "not", "there");
    expect(await faultOf(systemError("ENOSPC", { path }), folder)).toMatchObject({
      file: path,
      message: expect.stringContaining("free of"),
    });
  });

  it.each([[undefined], ["text"], [null], [{ code: "ENOSPC" }]])(
    "is our bug when no error was thrown but %j",
    async (thrown) => {
      expect(await faultOf(thrown)).toMatchObject({ code: "BUG", exitCode: 1 });
    },
  );
});
