import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { chromium, type Browser } from "playwright-core";

const root = join(import.meta.dirname, "../..");

/**
 * A headless Chromium. On Linux it is the one that npm brought (@sparticuz/chromium, for x64), unpacked once
 * for each checkout in about two seconds; elsewhere it is the machine's own Chrome. Throws when there is none.
 */
export async function launchBrowser(): Promise<Browser> {
  if (process.platform !== "linux" || process.arch !== "x64") {
    return await chromium.launch({ channel: "chrome" });
  }
  const folder = await unpackedChromium();
  const libraries = [join(folder, "al2023/lib"), process.env["LD_LIBRARY_PATH"] ?? ""];
  return await chromium.launch({
    executablePath: join(folder, "chromium"),
    args: ["--no-sandbox"], // Chromium refuses to run as root, as tests may, with its sandbox.
    env: {
      ...process.env,
      LD_LIBRARY_PATH: libraries.join(delimiter),
      FONTCONFIG_PATH: join(folder, "fonts"),
    },
  });
}

async function unpackedChromium(): Promise<string> {
  const manifest = join(root, "node_modules/@sparticuz/chromium/package.json");
  const { version }: { version: string } = JSON.parse(await readFile(manifest, "utf8"));
  const folder = join(root, ".crossweave", `chromium-${version}`);
  if (existsSync(folder)) return folder;
  await mkdir(join(root, ".crossweave"), { recursive: true });
  const unfinished = await mkdtemp(`${folder}.`);
  await promisify(execFile)(
    process.execPath,
    [join(import.meta.dirname, "fixtures/unpack-chromium.ts")],
    // The name of a system for which the package unpacks its own copy of the system's libraries.
    { env: { ...process.env, TMPDIR: unfinished, AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x" } },
  );
  // Without a font Chromium ends at the first button; the package's own file names folders of another system.
  await writeFile(
    join(unfinished, "fonts/fonts.conf"),
    `<fontconfig><dir>${folder}/fonts</dir><cachedir>${folder}/fonts</cachedir></fontconfig>\n`,
  );
  // Another process may have been faster: its folder is as good.
  await rename(unfinished, folder).catch(() => rm(unfinished, { recursive: true, force: true }));
  return folder;
}
