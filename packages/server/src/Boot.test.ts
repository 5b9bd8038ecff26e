import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Redacted, Stream } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { createServer } from "node:net"
import { fileURLToPath } from "node:url"
import * as TestDatabase from "../test/TestDatabase.ts"

/** Starts a program of the server as a process, in an empty folder and with these variables only, and waits for its end. */
const start = Effect.fnUntraced(function* (
  program: string,
  env: Readonly<Record<string, string>>,
  args: ReadonlyArray<string> = []
) {
  const fs = yield* FileSystem.FileSystem
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const file = fileURLToPath(new URL(program, import.meta.url))
  const cwd = yield* fs.makeTempDirectoryScoped()
  const child = yield* spawner.spawn(
    ChildProcess.make(process.execPath, [file, ...args], { cwd, env, extendEnv: false })
  )
  const [code, stderr, stdout] = yield* Effect.all(
    [
      child.exitCode,
      Stream.mkString(Stream.decodeText(child.stderr)),
      Stream.mkString(Stream.decodeText(child.stdout))
    ],
    { concurrency: "unbounded" }
  )
  return { code: Number(code), stderr, stdout }
})

/** A port on which somebody listens. */
const busyPort = Effect.acquireRelease(
  Effect.callback<{ readonly port: number; readonly close: () => void }>((resume) => {
    const server = createServer()
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      resume(Effect.succeed({ port, close: () => server.close() }))
    })
  }),
  ({ close }) => Effect.sync(close)
)

/** Told in a line or a few, and not by a stack. */
const isPlain = (text: string) => !/^\s+at /mu.test(text) && text.trim().split("\n").length <= 12

layer(NodeServices.layer, { excludeTestServices: true })("a server that cannot start", (it) => {
  it.effect("says which of its settings must be mended, all of them and without their values", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* start("main.ts", {
        APP_ENV: "staging",
        PORT: "eighty",
        LOG_LEVEL: "loud",
        POSTGRES_URL: "mysql://parley:hunter2@db/parley"
      })
      assert.strictEqual(code, 2)
      for (const name of ["PORT", "LOG_LEVEL", "POSTGRES_URL", "JWT_SECRET_KEY", "LLM_API_KEY"])
        assert.include(stderr, `  ${name} is `)
      assert.notInclude(stderr, "hunter2")
      assert.isTrue(isPlain(stderr), stderr)
    })
  )

  it.effect("says where it looked for its database, and not with which password", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* start("main.ts", {
        APP_ENV: "test",
        PORT: "0",
        POSTGRES_URL: "postgresql://parley:hunter2@localhost:1/parley"
      })
      assert.strictEqual(code, 1)
      assert.include(stderr, "Cannot use PostgreSQL at localhost:1/parley: connect ECONNREFUSED")
      assert.include(stderr, "POSTGRES_URL")
      assert.notInclude(stderr + stdout, "hunter2")
      assert.isTrue(isPlain(stderr), stderr)
    })
  )

  it.effect("says which file of prices it cannot use, and why", () =>
    Effect.gen(function* () {
      const { url } = yield* TestDatabase.make
      const { code, stderr } = yield* start("main.ts", {
        APP_ENV: "test",
        PORT: "0",
        POSTGRES_URL: Redacted.value(url),
        PRICES_FILE: "nowhere.json"
      })
      assert.strictEqual(code, 1)
      assert.include(stderr, "Cannot use the prices of PRICES_FILE=nowhere.json:")
      assert.include(stderr, "  NotFound: ")
      assert.isTrue(isPlain(stderr), stderr)
    })
  )

  it.effect("says that its port is taken, and what to do", () =>
    Effect.gen(function* () {
      const { url } = yield* TestDatabase.make
      const { port } = yield* busyPort
      const { code, stderr } = yield* start("main.ts", {
        APP_ENV: "test",
        HOST: "127.0.0.1",
        PORT: String(port),
        POSTGRES_URL: Redacted.value(url)
      })
      assert.strictEqual(code, 1)
      assert.include(stderr, `Cannot listen on port ${port} of 127.0.0.1: it is taken.`)
      assert.include(stderr, "PORT=")
      assert.isTrue(isPlain(stderr), stderr)
    })
  )
})

layer(NodeServices.layer, { excludeTestServices: true })("`make migrate`", (it) => {
  it.effect("wants no settings but those of the database, and says when it is done", () =>
    Effect.gen(function* () {
      const { url } = yield* TestDatabase.makeEmpty
      const { code, stdout } = yield* start("Sql/migrate.ts", {
        APP_ENV: "production",
        POSTGRES_URL: Redacted.value(url)
      })
      assert.strictEqual(code, 0)
      assert.include(stdout, "The schema is up to date.")
      assert.include(stdout, "Applied migration 1 accounts")
    })
  )

  it.effect("says what is wrong with them", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* start("Sql/migrate.ts", { APP_ENV: "production" })
      assert.strictEqual(code, 2)
      assert.include(stderr, "POSTGRES_URL is missing")
      assert.isTrue(isPlain(stderr), stderr)
    })
  )
})

layer(NodeServices.layer, { excludeTestServices: true })("`make backup`", (it) => {
  for (const [what, reason, tool] of [
    ["is not there", "pg_dump is not on PATH. Debian", undefined],
    ["is older than the database", "pg_dump is of PostgreSQL 9 and the database of 18", "pg_dump (PostgreSQL) 9.6.24"]
  ] as const)
    it.effect(`says what to do when pg_dump ${what}, and writes nothing`, () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const { url } = yield* TestDatabase.make
        const PATH = yield* fs.makeTempDirectoryScoped()
        if (tool !== undefined)
          yield* fs.writeFileString(`${PATH}/pg_dump`, `#!/bin/sh\necho '${tool}'\n`, { mode: 0o755 })
        const env = { APP_ENV: "test", POSTGRES_URL: Redacted.value(url), DATA_DIR: `${PATH}/data`, PATH }
        const { code, stderr } = yield* start("Sql/backups.ts", env, ["create"])
        assert.strictEqual(code, 1)
        assert.include(stderr, reason)
        assert.isTrue(isPlain(stderr), stderr)
        assert.isFalse(yield* fs.exists(`${PATH}/data`))
      })
    )
})
