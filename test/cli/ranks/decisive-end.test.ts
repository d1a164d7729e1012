import { describe, expect, it } from "vitest";
import { decisiveEnd, type EndedRank } from "../../../src/cli/ranks/decisive-end.ts";

const byCode = (rank: number, exitCode: number): EndedRank => ({
  rank,
  exitCode,
  signal: null,
  stdout: "",
});
const killed = (rank: number): EndedRank => ({
  rank,
  exitCode: null,
  signal: "SIGKILL",
  stdout: "",
});

describe("the end that tells why all ranks ended", () => {
  it.each([
    { case: "rank 0's, when all is well", ends: [byCode(1, 0), byCode(0, 0)], decisive: 0 },
    {
      case: "the first fault of a rank's own",
      ends: [byCode(0, 24), byCode(2, 21), byCode(1, 22)],
      decisive: 2,
    },
    { case: "a kill, when the others only follow", ends: [byCode(0, 24), killed(1)], decisive: 1 },
    { case: "a fault rather than a kill", ends: [killed(1), byCode(2, 22)], decisive: 2 },
    {
      case: "rank 0's, when it is interrupted",
      ends: [byCode(1, 24), byCode(0, 130)],
      decisive: 0,
    },
    { case: "a stuck rank's peer's", ends: [byCode(1, 24)], decisive: 1 },
  ])("is $case", ({ decisive, ends }) => expect(decisiveEnd(ends).rank).toBe(decisive));
});
