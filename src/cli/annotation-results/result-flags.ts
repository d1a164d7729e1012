import type { Command } from "commander";

/** The files that an audit of annotation files writes for other programs. */
export interface AnnotationResultFlags {
  readonly sarif?: string;
  readonly junit?: string;
  readonly exclusions?: string;
}

const needsPictures = "it takes the pictures, and --annotations opens none";
/** Flags that mean nothing where annotation files are compared, and why. */
const refusals: Readonly<Record<string, string>> = {
  report: `it shows pairs of pictures side by side: ${needsPictures}`,
  decisions: "it decides about pairs of the page of --report",
  proof: "it is bound to shards",
  key: "it signs --proof",
  unsigned: "it is of --proof",
  against: "a hidden test set is compared with shard sets",
  through: "it names shard sets",
  calibration: `it is of the search for near-duplicates: ${needsPictures}`,
  "no-near": "near-duplicates are never looked for without pictures, and --annotations opens none",
  "no-bind": "it is of --proof",
  windows: `it is of the search for near-duplicates: ${needsPictures}`,
  nearDistance: `it is of the search for near-duplicates: ${needsPictures}`,
};

/** Ends the command as misused where it is given a flag that means nothing of annotation files. */
export function refuseOtherFlags(
  command: Command,
  { exclusions, policy }: AnnotationResultFlags & { readonly policy?: string },
): void {
  for (const [name, why] of Object.entries(refusals)) {
    if (command.getOptionValueSource(name.replace(/^no-/, "")) !== "cli") continue;
    const flag = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    command.error(`--${flag} goes with shard sets, not with --annotations: ${why}`);
  }
  if (exclusions !== undefined && policy === undefined) {
    command.error(
      "--exclusions goes with --policy where annotation files are compared: a policy says what is trained on",
    );
  }
}
