import { tensorFlowBackend, type TensorFlowBinding } from "./backend.ts";

const MAX_QUEUED = 100;
const FLUSH_EVERY_MS = 5000;

/** Writes numbers over steps where TensorBoard finds them, by TensorFlow's own summary operations. */
export class SummaryWriter implements Disposable {
  readonly #binding: TensorFlowBinding;
  /** The binding's number of the writer's handle. */
  readonly #writer: number;

  /** Begins a new event file in `folder`, which is made where it is missing. */
  constructor(folder: string) {
    const { binding } = tensorFlowBackend();
    this.#binding = binding;
    const [text, number] = [binding.TF_ATTR_STRING, binding.TF_INT32];
    const attributes = [
      // Writers of one name are one writer.
      { name: "shared_name", type: text, value: `${folder} ${performance.now()}` },
      { name: "container", type: text, value: "" },
    ];
    const [handle] = binding.executeOp("SummaryWriter", attributes, [], 1);
    if (handle === undefined) throw new RangeError("a writer has a handle");
    this.#writer = handle.id;
    this.#run("CreateSummaryFileWriter", [
      this.#text(folder),
      binding.createTensor([], number, Int32Array.of(MAX_QUEUED)),
      binding.createTensor([], number, Int32Array.of(FLUSH_EVERY_MS)),
      this.#text(".v2"),
    ]);
  }

  /** Writes the value that `name` has after a step. */
  scalar(name: string, value: number, step: number): void {
    const { TF_ATTR_TYPE, TF_FLOAT, TF_INT64 } = this.#binding;
    const inputs = [
      this.#binding.createTensor([], TF_INT64, BigInt64Array.of(BigInt(step))),
      this.#text(name),
      this.#binding.createTensor([], TF_FLOAT, Float32Array.of(value)),
    ];
    this.#run("WriteScalarSummary", inputs, [{ name: "T", type: TF_ATTR_TYPE, value: TF_FLOAT }]);
  }

  /** Writes out what waits and ends the file. */
  [Symbol.dispose](): void {
    this.#run("CloseSummaryWriter", []);
    this.#binding.deleteTensor(this.#writer);
  }

  #text(text: string): number {
    return this.#binding.createTensor([], this.#binding.TF_STRING, [Buffer.from(text)]);
  }

  /** Runs an operation on the writer; its inputs are deleted. */
  #run(
    operation: string,
    inputs: readonly number[],
    attributes: Parameters<TensorFlowBinding["executeOp"]>[1] = [],
  ): void {
    try {
      this.#binding.executeOp(operation, attributes, [this.#writer, ...inputs], 0);
    } finally {
      for (const input of inputs) this.#binding.deleteTensor(input);
    }
  }
}
