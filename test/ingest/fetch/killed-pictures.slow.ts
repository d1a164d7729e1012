import { describe, expect, it } from "vitest";
import { filesAfterKills } from "./killed-pictures.ts";

describe("fetching the pictures of a list", () => {
  it("case 54: killed 50 times at random moments comes to the same files and results", async () => {
    const { killed, undisturbed } = await filesAfterKills(50, 10);
    expect(killed).toEqual(undisturbed);
  });
});
