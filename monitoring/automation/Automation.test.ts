/** How one speaks with the program, where there is nobody it could ask. */
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { DateTime, Effect, Fiber, FileSystem, Schema } from "effect"
import { TestClock } from "effect/testing"
import { fileURLToPath } from "node:url"
import { run } from "../prometheus/run.ts"
import { automation } from "../test/Program.ts"
import * as Silent from "../test/Silent.ts"
import { Report } from "./health/command.ts"
import { exitCodes } from "./Script.ts"

/** Nobody listens at these ports. */
const nobody = {
  PROMETHEUS_URL: "http://127.0.0.1:2",
  ALERTMANAGER_URL: "http://127.0.0.1:3",
  PARLEY_URL: "http://127.0.0.1:4"
}

const scripts = ["health", "costs", "daily", "backup", "suite"]

layer(NodeServices.layer, { excludeTestServices: true })("the program", (it) => {
  for (const script of scripts) {
    it.effect(`explains ${script}, also where its settings are wrong`, () =>
      Effect.gen(function* () {
        const { code, output } = yield* automation({ PROMETHEUS_URL: "nonsense" })(script, "--help")
        assert.strictEqual(code, 0)
        for (const part of ["--json", "--dry-run", "--date", "Exit codes: 0 "]) assert.include(output, part)
      })
    )

    for (const [date, why] of [
      ["2026-02-30", "a day there is"],
      ["yesterday", "a day there is"],
      ["2026-1-1", "a day there is"],
      ["9998-01-01", "not in the future"]
    ] as const) {
      it.effect(`refuses ${date} as a day for ${script}`, () =>
        Effect.gen(function* () {
          const { code, complaints } = yield* automation(nobody)(script, "--date", date)
          assert.strictEqual(code, exitCodes.unusable)
          assert.include(complaints, "--date")
          assert.include(complaints, why)
        })
      )
    }
  }

  for (const [args, env, why] of [
    [["helth"], nobody, "Unknown subcommand"],
    [["health", "--loud"], nobody, "Unrecognized flag"],
    [["health"], { ...nobody, PROMETHEUS_URL: "ftp://prometheus" }, "PROMETHEUS_URL must be an address"],
    [["health"], { ...nobody, POSTGRES_URL: "mysql://u:hunter2hunter2@db/parley" }, "POSTGRES_URL must be like"],
    [["backup", "--keep", "0"], nobody, `Invalid value for flag --keep: "0". Expected: 1 to 10000 backups`],
    [["backup", "--keep", "many", "--json"], nobody, "Expected: 1 to 10000 backups"],
    [["costs", "--days", "0"], nobody, "Expected: 1 to 366 days"],
    [["costs", "--json", "--day", "3"], nobody, "Unrecognized flag: --day"],
    [["backup", "backup.tar.gz"], nobody, "add --verify"],
    [["backup", "--date", "2026-01-01"], nobody, "A backup is of now"],
    [["backup", "--date", "2026-01-01", "--dry-run"], nobody, "A backup is of now"]
  ] as const) {
    it.effect(`ends with 3 for ${args.join(" ")}: ${why}`, () =>
      Effect.gen(function* () {
        const { code, complaints, output } = yield* automation(env)(...args)
        assert.deepStrictEqual([code, output], [exitCodes.unusable, ""])
        assert.include(complaints.split("\n")[0], why)
        assert.isBelow(complaints.split("\n").length, 8)
        assert.notInclude(complaints, "hunter2")
      })
    )
  }

  it.effect("says so, on standard error, where its files of settings cannot be told", () =>
    Effect.gen(function* () {
      const main = fileURLToPath(new URL("main.ts", import.meta.url))
      const program = (...args: ReadonlyArray<string>) =>
        run("/bin/sh", ["-c", '"$0" "$@" 2>&1 >/dev/null', process.execPath, main, ...args], {
          env: { APP_ENV: "prod" }
        })
      const { code, output } = yield* program("costs", "--json")
      assert.deepStrictEqual(
        [code, output.trim()],
        [exitCodes.unusable, 'APP_ENV is "prod", but must be one of development, staging, production, test']
      )
      assert.deepStrictEqual(yield* program("costs", "--help"), { code: 0, output: "" })
    })
  )

  it.effect("takes today for a day", () =>
    Effect.gen(function* () {
      const today = DateTime.formatIsoDateUtc(yield* DateTime.now)
      assert.strictEqual((yield* automation(nobody)("health", "--date", today)).code, exitCodes.critical)
    })
  )

  it.effect("has a table where nothing answers at all, and no stack", () =>
    Effect.gen(function* () {
      const env = { ...nobody, POSTGRES_URL: "postgresql://parley:hunter2hunter2@127.0.0.1:5/parley" }
      const { code, complaints, output } = yield* automation(env)("health")
      assert.strictEqual(code, exitCodes.critical)
      assert.strictEqual(complaints, "")
      for (const check of ["API live", "Database", "Rules", "Targets", "Alertmanager", "Watchdog", "Dashboards"]) {
        assert.match(output, new RegExp(`^${check}( |$)`, "mu"))
      }
      assert.notMatch(output, /\b(?:ok|warning) {2,}\S/u)
      // Six checks fail for one reason, which stands beside the first of them.
      assert.match(output, /^Rules +critical +http:\/\/127\.0\.0\.1:2 cannot be reached/mu)
      assert.lengthOf(output.split("127.0.0.1:2 cannot be reached"), 2)
      assert.include(output, "monitoring/RUNBOOKS.md#apidown")
      assert.notMatch(output, /^\s+at /mu)
      assert.notInclude(output, "hunter2")
      // Not a terminal.
      assert.notInclude(output, "\u001B")
    })
  )

  it.effect("says the same as JSON, and only that", () =>
    Effect.gen(function* () {
      const { code, output } = yield* automation(nobody)("health", "--json")
      const report = yield* Schema.decodeUnknownEffect(Schema.fromJsonString(Report))(output)
      assert.strictEqual(code, exitCodes.critical)
      assert.strictEqual(report.state, "critical")
      assert.isTrue(report.checks.every(({ state }) => state === "critical"))
    })
  )

  it.effect("writes nothing with --dry-run", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      for (const script of scripts) yield* automation({ ...nobody, MONITORING_DIR: folder })(script, "--dry-run")
      assert.deepStrictEqual(yield* fs.readDirectory(folder), [])
    })
  )
})

layer(NodeServices.layer)("health", (it) => {
  it.effect("is told within ten seconds when everything hangs", () =>
    Effect.gen(function* () {
      const { port, seen } = yield* Silent.listen
      const url = `http://127.0.0.1:${port}`
      const health = automation({
        PROMETHEUS_URL: url,
        ALERTMANAGER_URL: url,
        PARLEY_URL: url,
        POSTGRES_URL: `postgresql://parley:hunter2hunter2@127.0.0.1:${port}/parley`
      })("health", "--json")
      const fiber = yield* Effect.forkChild(health)
      const moment = TestClock.withLive(Effect.sleep("50 millis"))
      yield* Effect.repeat(moment, { until: () => seen() > 0 })
      for (let second = 1; second <= 9; second++) yield* Effect.andThen(moment, TestClock.adjust("1 second"))
      const { code, output } = yield* Fiber.join(fiber)
      const { checks } = yield* Schema.decodeUnknownEffect(Schema.fromJsonString(Report))(output)
      assert.strictEqual(code, exitCodes.critical)
      assert.isAtLeast(checks.length, 15)
      for (const { check, seen } of checks) assert.match(seen, /in time|within 8 s|timed out/u, check)
    })
  )
})
