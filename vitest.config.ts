import { availableParallelism } from "node:os"
import { configDefaults, defineConfig } from "vitest/config"

/** A folder for the results as JSON, which `.ci/run` counts. */
const report = process.env["TEST_REPORT"]

/**
 * What `make test` found to be missing: `*.redis.test.ts` are tests that need Redis, for which it then fails; and
 * `*.prometheus.alertmanager.test.ts` those that need both.
 */
const missing = (process.env["TEST_MISSING"] ?? "").split(/\s+/u).filter((tool) => tool !== "")

export default defineConfig({
  test: {
    environment: "node",
    include: ["*.test.ts", "packages/*/{src,test}/**/*.test.ts", "monitoring/**/*.test.ts"],
    exclude: [...configDefaults.exclude, ...missing.map((tool) => `**/*.${tool}.{test,*.test}.ts`)],
    globalSetup: ["packages/server/test/globalSetup.ts", "packages/server/test/appSetup.ts"],
    // Many tests wait: for processes, databases, the time of others.
    maxWorkers: Math.max(3, availableParallelism()),
    testTimeout: 20_000,
    hookTimeout: 60_000,
    allowOnly: false,
    reporters: report === undefined ? ["default"] : ["default", ["json", { outputFile: `${report}/vitest.json` }]],
    coverage: {
      provider: "v8",
      include: ["packages/{domain,server}/src/**/*.ts"],
      exclude: ["**/*.test.ts"],
      reporter: ["text-summary", "lcov"],
      thresholds: { lines: 85 }
    }
  }
})
