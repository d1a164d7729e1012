import { defineConfig, type ViteUserConfig } from "vitest/config";

/** Tests that take minutes: whole trainings on the real photographs. */
const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/**/*.slow.ts"],
    testTimeout: 3_600_000,
    hookTimeout: 3_600_000,
    maxWorkers: 1,
  },
});

export default config;
