import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { inspectRuntime, type RuntimeFinding } from "../../src/tensor/inspect.ts";

afterEach(() => vi.unstubAllEnvs());

const findingNamed = (
  findings: readonly RuntimeFinding[],
  name: string,
): RuntimeFinding | undefined => findings.find((finding) => finding.name === name);

describe("looking at a machine", () => {
  it("tells TensorFlow's version and that training is possible", async () => {
    const { findings, canTrain } = await inspectRuntime();
    expect(canTrain).toBe(true);
    expect(findingNamed(findings, "TensorFlow")).toMatchObject({
      state: "found",
      detail: expect.stringContaining("2.21.0 (CPU build, runs on the CPU)"),
    });
    expect(findings.filter((finding) => finding.state === "missing")).toEqual([]);
    expect(findings.slice(-4)).toMatchObject([
      { name: "binding", state: "found", detail: expect.stringContaining("freed memory is kept") },
      { name: "devices", state: "found", detail: "CPU:0" },
      { name: "XLA", state: "found" },
      { name: "collectives", state: "found" },
    ]);
  });

  it("tells what is missing, each with its remedy, and does not fail", async () => {
    vi.stubEnv("CROSSWEAVE_CACHE", join(mkdtempSync(join(tmpdir(), "crossweave-bare-")), "none"));
    vi.stubEnv("PATH", "");
    const { findings, canTrain } = await inspectRuntime();
    expect(canTrain).toBe(false);
    const missing = findings.filter((finding) => finding.state === "missing");
    expect(missing.map((finding) => finding.name)).toEqual([
      "python3 with pip",
      "C++ compiler",
      "TensorFlow",
    ]);
    expect(missing.every((finding) => (finding.remedy ?? "").length > 10)).toBe(true);
  });
});
