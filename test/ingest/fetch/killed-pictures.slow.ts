import { describe, it } from "vitest";
import { expectSameAfterKills } from "./killed-pictures.ts";

describe("fetching the pictures of a list", () => {
  it("case 54: killed 50 times at random moments comes to the same files and results", async () => {
    await expectSameAfterKills(50, 10);
  });
});
