import type { NameLayout } from "./name-layout.ts";

/** Our own names, as a run's checkpoints have them. */
export const ownLayout: NameLayout = {
  name: "crossweave",
  origin: "a checkpoint of crossweave",
  rules: [{ ours: "*", theirs: ["*"] }],
  present: (name) => name,
  derived: /^$/,
};
