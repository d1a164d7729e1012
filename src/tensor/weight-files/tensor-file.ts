import { open, type FileHandle } from "node:fs/promises";
import { ConfigError, errnoOf, StateError } from "../../core/errors.ts";
import { decodeTensor, type NamedTensor, type TensorEntry } from "./element-types.ts";
import { malformed, MAX_HEADER_BYTES, parseHeader, PREFIX_BYTES } from "./header.ts";

/** The most bytes asked for at once: Node reads no more than 2 GiB, and a smaller piece is no slower. */
const READ_BYTES = 2 ** 26;

/** How `torch.save` begins a file, in hexadecimal: a zip archive, or a pickle of protocol 2 to 5. */
const PICKLED = /^(?:504b0304|800[2-5])/;

/** An open safetensors file, whose tensors are read one by one. */
export class TensorFile implements AsyncDisposable {
  readonly path: string;
  /** In the order of their bytes. */
  readonly entries: readonly TensorEntry[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly #file: FileHandle;
  readonly #dataStart: number;

  private constructor(file: FileHandle, path: string, header: ReadHeader) {
    this.#file = file;
    this.path = path;
    this.entries = header.entries;
    this.metadata = header.metadata;
    this.#dataStart = header.dataStart;
  }

  /** Opens a file and reads its header. StateError when it is missing or malformed, ConfigError for a PyTorch file. */
  static async open(path: string): Promise<TensorFile> {
    const file = await openExisting(path);
    try {
      return new TensorFile(file, path, await readHeader(file, path));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Reads one tensor into memory of its own. StateError where its type has no place here. */
  async read(entry: TensorEntry): Promise<NamedTensor> {
    const bytes = new Uint8Array(entry.end - entry.start);
    const position = this.#dataStart + entry.start;
    await readFully(this.#file, { bytes, position, path: this.path });
    const tensor = decodeTensor(entry, bytes);
    if (tensor !== undefined) return tensor;
    throw new StateError(
      `${this.path}: ${entry.name} is of ${entry.dtype} and has values that neither float32 nor int32 holds`,
      {
        file: this.path,
        record: entry.name,
        remedy: "convert the file with the program that wrote it",
      },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

type ReadHeader = ReturnType<typeof parseHeader> & { readonly dataStart: number };

async function readHeader(file: FileHandle, path: string): Promise<ReadHeader> {
  const { size } = await file.stat();
  const prefix = Buffer.alloc(PREFIX_BYTES);
  await readFully(file, { bytes: prefix, position: 0, path });
  const length = Number(prefix.readBigUInt64LE());
  const dataStart = PREFIX_BYTES + length;
  if (length > MAX_HEADER_BYTES || dataStart > size) {
    if (PICKLED.test(prefix.toString("hex"))) throw pickled(path);
    throw malformed(path, `the header says it is ${length} bytes long, the file has ${size}`);
  }
  const bytes = new Uint8Array(length);
  await readFully(file, { bytes, position: PREFIX_BYTES, path });
  return { ...parseHeader(bytes, { path, dataBytes: size - dataStart }), dataStart };
}

/** Python that turns a PyTorch checkpoint into safetensors; many wrap their weights as "model" or "state_dict". */
const CONVERSION =
  "import sys, torch; from safetensors.torch import save_file; s = torch.load(sys.argv[1], map_location='cpu', weights_only=True); s = s.get('model', s.get('state_dict', s)); save_file({k: v.clone().contiguous() for k, v in s.items() if torch.is_tensor(v)}, sys.argv[2])";

function pickled(file: string): ConfigError {
  return new ConfigError(
    `${file} is a file of torch.save, a pickle, which can run code when it is read; safetensors is expected`,
    {
      file,
      remedy: `convert it where PyTorch is installed: python3 -c "${CONVERSION}" "${file}" model.safetensors`,
    },
  );
}

async function openExisting(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") throw malformed(path, "there is no such file");
    throw error;
  }
}

async function readFully(
  file: FileHandle,
  place: { readonly bytes: Uint8Array; readonly position: number; readonly path: string },
): Promise<void> {
  let done = 0;
  while (done < place.bytes.length) {
    const length = Math.min(place.bytes.length - done, READ_BYTES);
    const { bytesRead } = await file.read(place.bytes, done, length, place.position + done);
    if (bytesRead === 0) throw malformed(place.path, "the file ends early");
    done += bytesRead;
  }
}
