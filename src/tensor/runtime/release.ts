import { join } from "node:path";
import { cacheFolder } from "../../core/cache-folder.ts";
import { ConfigError, RuntimeMissingError } from "../../core/errors.ts";

/** The TensorFlow release that Crossweave is built and tested with. */
export const TENSORFLOW_VERSION = "2.21.0";

/** The release of `@tensorflow/tfjs-node-gpu` whose kernels and binding are used. */
export const TFJS_VERSION = "4.22.0";

const devices = ["cpu", "gpu"] as const;

/** Which TensorFlow: the one for processors alone, or the CUDA build (which runs on both). */
export type Device = (typeof devices)[number];

type Architecture = "x86_64" | "aarch64";

/** The device that `text` names; ConfigError when it names none. */
export function parseDevice(text: string): Device {
  const device = devices.find((name) => name === text);
  if (device === undefined)
    throw new ConfigError(`"${text}" is no device of TensorFlow's; expected cpu or gpu`);
  return device;
}

/** Where a runtime lies in the cache. */
export interface RuntimeFolders {
  readonly device: Device;
  readonly architecture: Architecture;
  readonly runtime: string;
  /** What is kept of the wheels, in their own layout: their libraries find one another by it, CUDA's included. */
  readonly site: string;
  readonly downloads: string;
  readonly include: string;
  /** TensorFlow's libraries, in the order in which they need one another. */
  readonly libraries: readonly string[];
}

/** The folders of a device's runtime; RuntimeMissingError where no TensorFlow is published for this machine. */
export function runtimeFolders(device: Device): RuntimeFolders {
  const architecture = machineArchitecture();
  const runtime = join(cacheFolder(), `tensorflow-${TENSORFLOW_VERSION}-${device}-${architecture}`);
  const site = join(runtime, "site");
  return {
    device,
    architecture,
    runtime,
    site,
    downloads: join(runtime, "downloads"),
    include: join(site, "tensorflow", "include"),
    libraries: ["libtensorflow_framework.so.2", "libtensorflow_cc.so.2"].map((name) =>
      join(site, "tensorflow", name),
    ),
  };
}

/** The folder of Crossweave's own native sources and of the pinned wheels. */
export function nativeFolder(): string {
  return join(import.meta.dirname, "..", "..", "..", "native");
}

const DATA_REMEDY = "train on Linux with glibc, x86-64 or ARM64; the data commands work here";

function machineArchitecture(): Architecture {
  if (process.platform !== "linux")
    throw new RuntimeMissingError(
      `TensorFlow ${TENSORFLOW_VERSION} is set up on Linux only; this is ${process.platform}`,
      { remedy: DATA_REMEDY },
    );
  if (process.arch === "x64") return "x86_64";
  if (process.arch === "arm64") return "aarch64";
  throw new RuntimeMissingError(
    `no TensorFlow ${TENSORFLOW_VERSION} is published for ${process.arch}`,
    { remedy: DATA_REMEDY },
  );
}
