import { join } from "node:path";
import { readArtifact } from "./artifact.ts";
import type { RuntimeFolders } from "./release.ts";

/** CUDA's libraries of a runtime, to be opened ahead of TensorFlow; none for the CPU build. */
export async function cudaLibraries(folders: RuntimeFolders): Promise<readonly string[]> {
  const manifest = await readArtifact(folders.site);
  const paths = (manifest?.files ?? []).map((file) => file.path);
  return paths.filter((path) => path.startsWith("nvidia/")).map((path) => join(folders.site, path));
}
