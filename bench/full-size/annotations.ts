// What crossweave audit --annotations takes on annotation files of the true size, and whether it finds every
// planted overlap and invents none:
//   node bench/full-size/annotations.ts [scale, 1 by default] [policy …, "soho none" by default]
// Writes up to 3 GB to TMPDIR and removes them. "none" stands for no policy: every part with every other.
import { spawnSync } from "node:child_process";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import {
  type AnnotatedWorld,
  drawWorld,
} from "../../test/cli/annotation-audit/planted/annotated-world.ts";
import { truePartsOf } from "../../test/cli/annotation-audit/planted/check-world.ts";
import { PlantedTexts } from "./planted-texts.ts";
import { realCaptions } from "./real-samples.ts";
import { writeWorld } from "../../test/cli/annotation-audit/planted/write-world.ts";

const root = join(import.meta.dirname, "../..");

const members = z.array(
  z.object({
    dataset: z.string(),
    split: z.string().nullable(),
    parts: z.union([z.literal("everything"), z.array(z.string())]),
  }),
);
const group = z.object({ name: z.string(), pictures: z.number(), of: members });
const textCell = z.object({
  train: z.string(),
  eval: z.string(),
  sameRecord: z.number(),
  samePicture: z.number(),
  sameText: z.number(),
  nearText: z.number(),
});
const texts = z.object({
  summary: z.object({
    compared: z.object({ train: z.number(), eval: z.number() }),
    matrix: z.array(textCell),
  }),
  leftOut: z.object({ texts: z.number() }).nullable(),
});
const documentSchema = z.object({
  texts,
  training: z.array(group),
  allTraining: group.nullable(),
  evaluations: z.array(group),
  wholes: z.array(group),
  backbones: z.array(z.object({ sees: z.array(group) })),
  pictures: z.array(
    z.object({ seen: z.string(), evaluated: z.string(), pictures: z.number().nullable() }),
  ),
});

/** Flickr30K's texts are written for the whole of it; RefCOCO's are not, and VCR's are all the same. */
const untoldTexts = /^(?:flickr30k|refcoco|vcr)/;

const [scale = "1", ...given] = process.argv.slice(2);
const policies = given.length > 0 ? given : ["soho", "none"];
const scratch = mkdtempSync(join(tmpdir(), "crossweave-annotations-"));
try {
  const world = drawWorld({ scale: Number(scale), seed: 1 });
  const folder = join(scratch, "source");
  const planted = new PlantedTexts(realCaptions(), 1);
  writeWorld(folder, world, planted);
  console.log(`annotation files of scale ${scale}: ${(sizeOf(folder) / 1e6).toFixed(0)} MB`);
  console.log(`${planted.numTexts} texts`);
  for (const policy of policies) audit({ world, planted, folder }, policy);
} finally {
  rmSync(scratch, { recursive: true });
}

function sizeOf(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true });
  return files
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

interface Written {
  readonly world: AnnotatedWorld;
  readonly planted: PlantedTexts;
  readonly folder: string;
}

function audit({ folder, planted, world }: Written, policy: string): void {
  const flags = policy === "none" ? [] : ["--policy", policy];
  const output = join(scratch, `${policy}.json`);
  const stdout = openSync(output, "w");
  const usage = join(root, "bench/full-size/report-usage.ts");
  const command = [join(root, "src/cli/main.ts"), "audit", "--annotations", folder, ...flags];
  const start = performance.now();
  const { status, stderr } = spawnSync(
    process.execPath,
    ["--import", usage, ...command, "--json"],
    { stdio: ["ignore", stdout, "pipe"], encoding: "utf8", maxBuffer: 2 ** 28 },
  );
  const wallSeconds = (performance.now() - start) / 1000;
  closeSync(stdout);
  const [, cpuSeconds = "?", kibibytes = "0"] = /\nused (\S+) (\d+)\n/.exec(stderr) ?? [];
  const isStrict = policy === "strict"; // it leaves out all that leaks
  if (status !== (isStrict ? 0 : 20)) throw new Error(`exit code ${status}:\n${stderr}`);
  console.log(
    `${policy}: ${cpuSeconds} s of CPU time, ${wallSeconds.toFixed(1)} s in all, peak RSS ${((Number(kibibytes) * 1024) / 1e6).toFixed(0)} MB`,
  );
  const document = documentSchema.parse(JSON.parse(readFileSync(output, "utf8")));
  check(world, document);
  checkTexts(planted, document, policy);
}

type AuditDocument = z.infer<typeof documentSchema>;

function check({ truth }: AnnotatedWorld, document: AuditDocument): void {
  const { training, allTraining, evaluations, wholes, backbones, pictures } = document;
  const all = allTraining === null ? [] : [allTraining];
  const groups = [
    ...training,
    ...all,
    ...evaluations,
    ...wholes,
    ...backbones.flatMap(({ sees }) => sees),
  ];
  const partsOf = (name: string): readonly string[] => {
    const of = groups.find((one) => one.name === name)?.of ?? [];
    return truePartsOf(
      of.map((one) => ({ ...one, split: one.split ?? undefined })),
      truth,
    );
  };
  const numListed = wholes.reduce((sum, one) => sum + one.pictures, 0);
  const wrong = pictures.filter(
    (cell) => cell.pictures !== truth.shared(partsOf(cell.evaluated), partsOf(cell.seen)),
  );
  const found = pictures.reduce((sum, cell) => sum + (cell.pictures ?? 0), 0);
  console.log(
    `  ${pictures.length} cells (${found} shared pictures in them${numListed > 0 ? `, of ${numListed} pictures` : ""}): ${wrong.length} are not what truly is`,
  );
  for (const { evaluated, seen, pictures: number } of wrong.slice(0, 10)) {
    console.log(
      `  ${evaluated} in ${seen}: found ${number}, truly ${truth.shared(partsOf(evaluated), partsOf(seen))}`,
    );
  }
  if (wrong.length > 0) process.exitCode = 1;
}

/** Without a policy the training sets are parts, so that it is known what each holds. */
function checkTexts(
  planted: PlantedTexts,
  { evaluations, texts: found, training }: AuditDocument,
  policy: string,
): void {
  const { compared, matrix } = found.summary;
  const leftOut = found.leftOut === null ? "" : `, ${found.leftOut.texts} left out by the policy`;
  const counted = matrix.reduce((sum, cell) => sum + cell.samePicture + cell.sameText, 0);
  console.log(
    `  texts: ${compared.train} of training and ${compared.eval} of evaluation${leftOut}; ${counted} shared in ${matrix.length} cells`,
  );
  if (policy !== "none") return;
  const [trained, evaluated] = [training, evaluations].map((groups) =>
    groups.map(({ name }) => name).filter((name) => !untoldTexts.test(name)),
  );
  let numWrong = 0;
  for (const train of trained ?? []) {
    for (const name of evaluated ?? []) {
      const truly = planted.shared(name, train);
      const cell = matrix.find((one) => one.train === train && one.eval === name);
      const isRight =
        (cell?.samePicture ?? 0) === truly.samePicture && (cell?.sameText ?? 0) === truly.sameText;
      if (isRight && (cell?.nearText ?? 0) + (cell?.sameRecord ?? 0) === 0) continue;
      numWrong += 1;
      console.log(
        `  texts of ${name} in ${train}: found ${JSON.stringify(cell)}, truly ${JSON.stringify(truly)}`,
      );
    }
  }
  console.log(`  texts: ${numWrong} cells are not what truly is`);
  if (numWrong > 0) process.exitCode = 1;
}
