/** `backup` as an operator runs it, where no server answers. */
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, FileSystem, Schema } from "effect"
import { TestClock } from "effect/testing"
import { gunzipSync } from "node:zlib"
import { automation } from "../../test/Program.ts"
import * as Silent from "../../test/Silent.ts"
import { exitCodes } from "../Script.ts"
import { Report } from "./command.ts"
import { secretsIn } from "./sources.ts"

const nobody = { PROMETHEUS_URL: "http://127.0.0.1:2", ALERTMANAGER_URL: "http://127.0.0.1:3" }
const temporary = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())

layer(NodeServices.layer, { excludeTestServices: true })("the command for backups", (it) => {
  it.effect("keeps no setting that looks like a secret, whoever it is for", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* temporary
      const secrets = {
        EVALUATION_API_KEY: "PLANTED-evaluation",
        OTEL_EXPORTER_OTLP_HEADERS: "api-key=PLANTED-header, authorization=Basic%20PLANTED-basic",
        SOME_NEW_TOKEN: "PLANTED-new",
        SEARCH_URL: "https://u:PLANTED-password@search.example.org"
      }
      yield* fs.makeDirectory(`${directory}/prometheus`)
      const planted = "PLANTED-evaluation PLANTED-header Basic PLANTED-basic PLANTED-new PLANTED-password"
      yield* fs.writeFileString(`${directory}/prometheus/prometheus.yml`, `# ${planted} composition\nglobal: {}\n`)
      const env = { ...nobody, ...secrets, PASSWORD_POLICY: "composition", MONITORING_DIR: directory }
      const { output } = yield* automation(env)("backup", "--json")
      const { archive } = yield* Schema.decodeUnknownEffect(Schema.fromJsonString(Report))(output)
      const text = gunzipSync(yield* fs.readFile(archive ?? "")).toString()
      assert.include(text, "# <secret> <secret> <secret> <secret> <secret> composition")
      assert.notInclude(text, "PLANTED")
    })
  )

  it.effect("takes for secret what is called so, and of an address its password", () =>
    Effect.sync(() => {
      assert.deepStrictEqual(secretsIn("REDIS_URL", "redis://u:a%25b@host"), ["a%25b", "a%b"])
      assert.isEmpty(secretsIn("JWT_ACCESS_TOKEN_EXPIRE_HOURS", "720"))
      assert.include(secretsIn("JWT_SECRET_KEY_PREVIOUS", "old"), "old")
    })
  )

  for (const [args, code, what] of [
    [["--to", "/proc/nope"], exitCodes.unusable, "The folder /proc/nope cannot be used: nothing can be made there"],
    [["--to", "/dev/null/x"], exitCodes.unusable, "/dev/null: there is a file of that name"],
    [["--to", "/dev/null/x", "--dry-run"], exitCodes.unusable, "/dev/null: there is a file of that name"],
    [["--to", "/dev/null", "--verify"], exitCodes.unusable, "it is no folder"],
    [["--to", "/nowhere", "--verify"], exitCodes.critical, "there is no backup in /nowhere"],
    [["--verify", "/nowhere/a.tar.gz"], exitCodes.critical, "there is no such file"],
    [["--verify", "/dev"], exitCodes.critical, "it is no file"]
  ] as const) {
    it.effect(`ends with ${code} for ${args.join(" ")}: ${what}`, () =>
      Effect.gen(function* () {
        const ran = yield* automation(nobody)("backup", ...args)
        assert.strictEqual(ran.code, code)
        assert.include(code === exitCodes.unusable ? ran.complaints : ran.output, what)
        assert.strictEqual(code === exitCodes.unusable ? ran.output : ran.complaints, "")
      })
    )
  }
})

layer(NodeServices.layer)("the command for backups", (it) => {
  it.effect("waits for Prometheus and Alertmanager at the same time, and not for ever", () =>
    Effect.gen(function* () {
      const { port, seen } = yield* Silent.listen
      const url = `http://127.0.0.1:${port}`
      const fiber = yield* Effect.forkChild(
        automation({ PROMETHEUS_URL: url, ALERTMANAGER_URL: url })("backup", "--dry-run")
      )
      yield* Effect.repeat(TestClock.withLive(Effect.sleep("50 millis")), { until: () => seen() === 2 })
      yield* TestClock.adjust("21 seconds")
      const { code, output } = yield* Fiber.join(fiber)
      assert.strictEqual(code, exitCodes.warning)
      assert.lengthOf(output.match(/does not answer in time/gu) ?? [], 2)
    })
  )
})
