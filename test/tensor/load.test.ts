import { execFile } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { tensorFlowBackend } from "../../src/tensor/backend.ts";
import { loadTensorFlow } from "../../src/tensor/load.ts";
import { statelessUniform, statelessUniformRows } from "../../src/tensor/stateless-random.ts";

const run = promisify(execFile);
const loadModule = new URL("../../src/tensor/load.ts", import.meta.url).href;

beforeAll(loadTensorFlow);

describe("the loaded TensorFlow", () => {
  it("is the backend of the one tfjs-core of this process, gradients included", () => {
    expect(tf.getBackend()).toBe("tensorflow");
    expect(tensorFlowBackend().binding.TF_Version).toBe("2.21.0");
    const gradient = tf.grad((x) => tf.sum(tf.square(x)))(tf.tensor1d([1, -2, 3]));
    expect([...gradient.dataSync()]).toEqual([2, -4, 6]);
  });

  it("is loaded once, however often it is asked for", async () => {
    const backend = tensorFlowBackend();
    await Promise.all([loadTensorFlow(), loadTensorFlow()]);
    expect(tensorFlowBackend()).toBe(backend);
  });

  it("gives an operation's fault as an error and goes on", () => {
    const vector = tf.tensor1d([1, 2]);
    expect(() => tensorFlowBackend().executeSingleOutput("NoSuchOperation", [], [vector])).toThrow(
      "NoSuchOperation",
    );
    expect(tf.add(vector, 1).dataSync()).toEqual(Float32Array.of(2, 3));
  });

  it("prints nothing, on neither stream", async () => {
    const program = `
      import { loadTensorFlow } from ${JSON.stringify(loadModule)};
      await loadTensorFlow();`;
    const child = await run(process.execPath, ["--input-type=module", "-e", program]);
    expect(child).toMatchObject({ stdout: "", stderr: "" });
  });
});

describe("a machine without TensorFlow", () => {
  it("is told by its own error what to run", async () => {
    const program = `
      import { loadTensorFlow } from ${JSON.stringify(loadModule)};
      await loadTensorFlow().catch(({ code, exitCode, remedy }) =>
        console.log(JSON.stringify({ code, exitCode, remedy })));`;
    const cache = mkdtempSync(join(tmpdir(), "crossweave-empty-"));
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", program], {
      env: { ...process.env, CROSSWEAVE_CACHE: cache },
    });
    expect(JSON.parse(stdout)).toEqual({
      code: "NO_RUNTIME",
      exitCode: 26,
      remedy: expect.stringContaining("crossweave setup"),
    });
  });
});

const draw = (seed: readonly [number, number]): Float32Array =>
  Float32Array.from(statelessUniform([2, 3], seed).dataSync());

describe("stateless uniform numbers", () => {
  it("are a pure function of shape and seed", () => {
    expect(draw([1, 2])).toEqual(draw([1, 2]));
    expect(draw([1, 2])).not.toEqual(draw([2, 1]));
    // TensorFlow 2.21.0, StatelessRandomUniform: pinned so that a resumed run can never drift.
    expect([...draw([1, 2])].map((value) => value.toFixed(6))).toEqual([
      "0.844060",
      "0.192045",
      "0.996223",
      "0.160387",
      "0.271990",
      "0.649346",
    ]);
  });

  it("take any 32-bit words as their seed, in a tensor too", () => {
    const fromWords = statelessUniform([4], [2 ** 32 - 1, 0x9e3779b9]).dataSync();
    const seed = tf.tensor1d(Int32Array.of(-1, 0x9e3779b9 | 0), "int32");
    expect(statelessUniform([4], seed).dataSync()).toEqual(fromWords);
  });

  it("fill [0, 1) evenly", () => {
    const drawn = statelessUniform([100_000], [3, 4]);
    expect(tf.min(drawn).dataSync()[0]).toBeGreaterThanOrEqual(0);
    expect(tf.max(drawn).dataSync()[0]).toBeLessThan(1);
    expect(tf.mean(drawn).dataSync()[0]).toBeCloseTo(0.5, 2);
  });
});

const rowsFrom = (firstRow: number, numRows: number, rowLength: number): number[] => {
  const [key, first] = [tf.tensor1d([7, 8], "int32"), tf.tensor1d([firstRow], "int32")];
  return [...statelessUniformRows({ key, firstRow: first, numRows, rowLength }).dataSync()];
};

describe("rows of stateless uniform numbers", () => {
  it.each([4, 6, 1])("of length %i are the same whichever row is drawn first", (rowLength) => {
    const whole = rowsFrom(0, 5, rowLength);
    expect(new Set(whole).size).toBe(whole.length);
    expect(rowsFrom(2, 3, rowLength)).toEqual(whole.slice(2 * rowLength));
    expect(rowsFrom(1, 1, rowLength)).toEqual(whole.slice(rowLength, 2 * rowLength));
  });

  it("fill [0, 1) evenly", () => {
    const drawn = rowsFrom(1000, 1000, 100);
    expect(Math.min(...drawn.slice(0, 50_000))).toBeGreaterThanOrEqual(0);
    expect(Math.max(...drawn.slice(0, 50_000))).toBeLessThan(1);
    expect(drawn.reduce((sum, value) => sum + value) / drawn.length).toBeCloseTo(0.5, 2);
  });

  it("never drift", () => {
    // TensorFlow 2.21.0, StatelessRandomUniformV2.
    expect(rowsFrom(3, 1, 3).map((value) => value.toFixed(6))).toEqual([
      "0.445500",
      "0.030596",
      "0.258278",
    ]);
  });
});
