import { describe, expect, it } from "vitest";
import { filesAfterKills } from "./killed-pictures.ts";

describe("fetching the pictures of a list", () => {
  it("case 54: killed twice at random moments comes to the same files and results", async () => {
    const { killed, undisturbed } = await filesAfterKills(2, 10);
    expect(killed).toEqual(undisturbed);
  });
});
