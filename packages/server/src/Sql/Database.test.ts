import { NodeServices } from "@effect/platform-node"
import { assert, describe, it, layer } from "@effect/vitest"
import { Cause, ConfigProvider, Effect, FileSystem, Layer, Redacted } from "effect"
import { SqlError } from "effect/sql"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { fileURLToPath } from "node:url"
import * as TestDatabase from "../../test/TestDatabase.ts"
import { Metrics } from "../Telemetry/Metrics.ts"
import * as Database from "./Database.ts"
import { isUnreachable } from "./isUnreachable.ts"

const refusal = (url: string) =>
  Layer.build(Layer.fresh(Database.layer)).pipe(
    Effect.scoped,
    Effect.flip,
    Effect.map(String),
    Effect.provide([ConfigProvider.layer(ConfigProvider.fromUnknown({ POSTGRES_URL: url })), Metrics.layer])
  )

layer(NodeServices.layer, { excludeTestServices: true })("a database that cannot be used", (it) => {
  for (const [what, change, reason] of [
    ["is not there", (url: URL) => Object.assign(url, { host: "127.0.0.1:1" }), "connect ECONNREFUSED 127.0.0.1:1"],
    [
      "has another name",
      (url: URL) => Object.assign(url, { pathname: "/nowhere" }),
      'database "nowhere" does not exist'
    ],
    [
      "has another password",
      (url: URL) => Object.assign(url, { password: "hunter2" }),
      "password authentication failed"
    ]
  ] as const)
    it.effect(`because it ${what} is told with its place and the reason, and without the password`, () =>
      Effect.gen(function* () {
        const { url } = yield* TestDatabase.make
        const changed = change(new URL(Redacted.value(url)))
        const message = yield* refusal(changed.href)
        assert.include(message, `Cannot use PostgreSQL at ${changed.host}${changed.pathname}: `)
        assert.include(message, reason)
        assert.notInclude(message, changed.password)
      })
    )
})

describe("a failure of the database", () => {
  const failing = (code: string) =>
    new SqlError.SqlError({
      reason: new SqlError.UnknownError({ cause: Object.assign(new Error("from PostgreSQL"), { code }), message: "" })
    })
  const connection = new SqlError.SqlError({ reason: new SqlError.ConnectionError({ cause: new Error("reset") }) })

  for (const code of ["53300", "53200", "53100", "57P01", "57P02", "57P03", "3D000", "58030", "25006"])
    it(`is an outage when PostgreSQL says ${code}`, () => assert.isTrue(isUnreachable(Cause.die(failing(code)))))

  for (const code of ["57014", "22001", "42601", "23505", "XX000"])
    it(`is a defect when PostgreSQL says ${code}`, () => assert.isFalse(isUnreachable(Cause.die(failing(code)))))

  it("is an outage when the connection is lost, and no failure of anything else is", () => {
    assert.isTrue(isUnreachable(Cause.die(connection)))
    assert.isFalse(isUnreachable(Cause.fail(connection)))
    assert.isFalse(isUnreachable(Cause.die(new Error("anything"))))
  })
})

layer(NodeServices.layer, { excludeTestServices: true })("`make migration`", (it) => {
  const program = fileURLToPath(new URL("migration.ts", import.meta.url))
  const run = (...args: ReadonlyArray<string>) =>
    Effect.flatMap(ChildProcessSpawner.ChildProcessSpawner, (spawner) =>
      spawner.exitCode(ChildProcess.make(process.execPath, [program, ...args]))
    )

  it.effect("makes a file with the next number, to be filled in", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      yield* fs.writeFileString(`${directory}/0009_before.ts`, "")
      assert.strictEqual(Number(yield* run("add_payments", "--directory", directory)), 0)
      assert.sameMembers(yield* fs.readDirectory(directory), ["0009_before.ts", "0010_add_payments.ts"])
      assert.include(yield* fs.readFileString(`${directory}/0010_add_payments.ts`), "export default Effect.gen(")
    })
  )

  it.effect("refuses a name that is no name of a file", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      assert.strictEqual(Number(yield* run("../Payments", "--directory", directory)), 1)
      assert.isEmpty(yield* fs.readDirectory(directory))
    })
  )
})
