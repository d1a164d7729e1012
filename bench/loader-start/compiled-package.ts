import { execFileSync } from "node:child_process";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");

/** What `npm run build` makes, in a folder of its own beside links to what the package brings; gives the folder. */
export async function compiledPackage(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const dist = join(folder, "dist");
  const config = join(root, "tsconfig.build.json");
  execFileSync(join(root, "node_modules/.bin/tsc"), ["-p", config, "--outDir", dist]);
  for (const name of ["node_modules", "native"])
    await symlink(join(root, name), join(folder, name));
  await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  return dist;
}
