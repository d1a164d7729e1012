import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect } from "vitest";
import { withSegment } from "../../ingest/pictures/made-pictures.ts";
import { pathOf, type PrepareCase } from "./hostile-source.ts";
import { noise } from "./picture-cases.ts";

/** Cases 14 and 16: pictures that are one, and one that is two. */
export const changingCases: readonly PrepareCase[] = [
  {
    number: 14,
    name: "one picture in two files whose metadata differ",
    exitCode: 0,
    pictures: [
      { name: "plain", make: () => noise() },
      {
        name: "commented",
        make: async () => withSegment(await noise(), 0xfe, Buffer.from("by nobody")),
      },
    ],
    check: ([one, other]) => {
      expect(one?.pixelSha256).toBe(other?.pixelSha256);
      expect(one?.sourceSha256).not.toBe(other?.sourceSha256);
    },
  },
  {
    number: 16,
    name: "a picture that changes while it is prepared",
    exitCode: 0,
    pictures: [{ name: "changing", make: () => noise(40) }],
    meanwhile: async (source, signal) => {
      const path = join(source, pathOf(0));
      for (let turn = 0; !signal.aborted; turn += 1) {
        await writeFile(`${path}.new`, await noise(turn % 2 === 0 ? 90 : 40));
        await rename(`${path}.new`, path);
        await nextTurn();
      }
    },
    check: ([picture]) => {
      // It was read once: digest and size of the file, and the stored bytes, are of one version.
      expect(picture?.sha256).toBe(picture?.sourceSha256);
    },
  },
];
