import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import protobuf from "protobufjs";
import { beforeAll, describe, expect, it } from "vitest";
import { tensorFlowBackend } from "../../src/tensor/backend.ts";
import { loadTensorFlow } from "../../src/tensor/load.ts";
import { SummaryWriter } from "../../src/tensor/summary-writer.ts";

beforeAll(loadTensorFlow);

// What TensorBoard reads of tensorflow/core/util/event.proto and framework/summary.proto.
const { root } = protobuf.parse(`
  syntax = "proto3";
  message TensorProto { repeated float float_val = 5; bytes tensor_content = 4; }
  message Value { string tag = 1; float simple_value = 2; TensorProto tensor = 8; }
  message Summary { repeated Value value = 1; }
  message Event { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5; }
`);

/** The payloads of a file of TFRecords: length in 8 bytes, its checksum in 4, the payload, its checksum in 4. */
function recordsOf(bytes: Buffer): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = Number(bytes.readBigUInt64LE(at));
    records.push(bytes.subarray(at + 12, at + 12 + length));
    at += 16 + length;
  }
  return records;
}

async function writtenBy(write: (folder: string) => void): Promise<unknown[]> {
  const folder = await mkdtemp(join(tmpdir(), "crossweave-events-"));
  try {
    const events = join(folder, "new", "events");
    write(events);
    const [file = "none"] = await readdir(events);
    expect(file).toMatch(/^events\.out\.tfevents\.\d+\./);
    const records = recordsOf(await readFile(join(events, file)));
    return records.map((record) => root.lookupType("Event").decode(record).toJSON());
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("an event file", () => {
  it("holds each number with its name and its step", async () => {
    const events = await writtenBy((folder) => {
      using writer = new SummaryWriter(folder);
      writer.scalar("loss/total", 2.5, 1);
      writer.scalar("loss/total", 1.25, 2_000_000_000_000);
    });
    expect(events).toMatchObject([
      { fileVersion: "brain.Event:2" },
      { step: "1", summary: { value: [{ tag: "loss/total", simpleValue: 2.5 }] } },
      { step: "2000000000000", summary: { value: [{ tag: "loss/total", simpleValue: 1.25 }] } },
    ]);
  });

  it("takes no tensor with it, and two in one folder are two", async () => {
    const before = tensorFlowBackend().binding.getNumOfTensors();
    const folder = await mkdtemp(join(tmpdir(), "crossweave-events-"));
    for (const value of [1, 2]) {
      using writer = new SummaryWriter(folder);
      writer.scalar("loss", value, 1);
    }
    expect(tensorFlowBackend().binding.getNumOfTensors()).toBe(before);
    expect((await readdir(folder)).length).toBeGreaterThanOrEqual(1);
    await rm(folder, { recursive: true });
  });
});
