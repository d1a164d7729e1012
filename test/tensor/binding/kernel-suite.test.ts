import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { findRuntime } from "../../../src/tensor/load.ts";
import { BINDING_ADDON } from "../../../src/tensor/runtime/binding.ts";
import { failuresOf, KNOWN_FAILURES } from "./fixtures/kernel-suite.ts";

it("passes tfjs's own kernel tests but for those that fail on tfjs-node's binding, too", async () => {
  const runtime = await findRuntime();
  const folder = await mkdtemp(join(tmpdir(), "crossweave-kernels-"));
  const report = await failuresOf(join(runtime?.binding ?? "", BINDING_ADDON), folder);
  expect(report.numPassed).toBeGreaterThan(3800);
  expect(report.failures.map(({ name }) => name)).toEqual(KNOWN_FAILURES);
});
