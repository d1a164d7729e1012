import { describe, it } from "vitest";
import { expectSameAfterKills } from "./killed-pictures.ts";

describe("fetching the pictures of a list", () => {
  it("case 54: killed twice at random moments comes to the same files and results", async () => {
    await expectSameAfterKills(2, 10);
  });
});
