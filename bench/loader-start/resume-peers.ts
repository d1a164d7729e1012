// Hugging Face's streamed data sets and torchdata's loader, resumed in the middle of the same photographs.
import { rm } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import { type PythonEnvironment, pythonEnvironment } from "../../test/python-environment.ts";
import { realData, realPhotographs } from "../../test/real-data.ts";

export type PeerFormat = "arrow" | "parquet";

/** How a peer finds its place again. */
export const peerWays = ["state_dict", "shuffled", "stateful", "fast-forward"] as const;
export type PeerWay = (typeof peerWays)[number];

/** Milliseconds of one resumption in a process of its own: to the next sample, to the 32nd, and of the processor. */
export interface Resumption {
  readonly firstMs: number;
  readonly batchMs: number;
  readonly cpuMs: number;
}

const writtenFiles = z.object({ paths: z.array(z.string()), sizeBytes: z.number() });
const resumption = z.object({
  version: z.string(),
  firstKey: z.string(),
  firstMs: z.number(),
  batchMs: z.number(),
  cpuMs: z.number(),
});
const states = z.array(z.string());

/** The files that Hugging Face's writer makes of the photographs. */
export interface PeerFiles {
  readonly format: PeerFormat;
  readonly paths: readonly string[];
  readonly sizeBytes: number;
}

export class ResumePeer {
  readonly #python: PythonEnvironment;

  private constructor(python: PythonEnvironment) {
    this.#python = python;
  }

  static async make(): Promise<ResumePeer> {
    const folder = join(import.meta.dirname, "python");
    return new ResumePeer(await pythonEnvironment("requirements.txt", folder));
  }

  async writeArrow(folder: string, numPictures: number): Promise<PeerFiles> {
    const images = (await realPhotographs()).map((path) => realData("images/coco", path));
    return this.#written("arrow", [folder, String(numPictures), ...images]);
  }

  /** The samples of Arrow files once more; those are removed. */
  async writeParquet(folder: string, { paths }: PeerFiles): Promise<PeerFiles> {
    const files = await this.#written("parquet", [folder, ...paths]);
    await Promise.all(paths.map((path) => rm(path)));
    return files;
  }

  /** The states after so many samples, each in ascending order. */
  async states(files: PeerFiles, way: PeerWay, counts: readonly number[]): Promise<string[]> {
    const output = await this.#run("states", way, { files, given: counts.join(",") });
    return states.parse(JSON.parse(output));
  }

  async resume(files: PeerFiles, way: PeerWay, state: string): Promise<Resumption> {
    return resumption.parse(JSON.parse(await this.#run("resume", way, { files, given: state })));
  }

  #run(
    action: "states" | "resume",
    way: PeerWay,
    { files, given }: { files: PeerFiles; given: string },
  ): Promise<string> {
    return this.#python.run("resume_peer.py", [action, files.format, way, given, ...files.paths]);
  }

  async #written(format: PeerFormat, given: readonly string[]): Promise<PeerFiles> {
    const output = await this.#python.run("write_photographs.py", [format, ...given]);
    const { paths, sizeBytes } = writtenFiles.parse(JSON.parse(output));
    return { format, paths, sizeBytes };
  }
}
