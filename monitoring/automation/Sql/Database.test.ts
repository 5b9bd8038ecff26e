import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Clock, ConfigProvider, Effect, FileSystem } from "effect"
import { connect, createServer } from "node:net"
import { database, migrated } from "../../test/database.ts"
import { listening } from "../../test/listening.ts"
import { automation } from "../../test/Program.ts"
import { read as readDaily } from "../daily/DailyRepo.ts"
import * as Database from "./Database.ts"

/** Its port, in front of a PostgreSQL that stands still from the first statement on. */
const freezing = Effect.fnUntraced(function* (url: string) {
  const { hostname, port: databasePort } = new URL(url)
  const server = createServer((client) => {
    const behind = connect(Number(databasePort), hostname).on("error", () => {})
    client.on("close", () => behind.destroy())
    client.on("data", (bytes) => (bytes.includes("SELECT") ? behind.pause() : void behind.write(bytes)))
    behind.on("data", (bytes) => void client.write(bytes))
  })
  const port = yield* listening(server)
  const frozen = new URL(url)
  frozen.host = `127.0.0.1:${port}`
  return frozen.href
})

const read = (variables: Readonly<Record<string, string>>) =>
  Database.read((sql) => readDaily(sql, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")).pipe(
    Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(variables)))
  )
const messageOf = (variables: Readonly<Record<string, string>>) =>
  Effect.map(Effect.flip(read({ APP_ENV: "test", ...variables })), ({ message }) => message)

/** What is where `make dev` keeps its database. */
const development = Effect.fnUntraced(function* (port: number, state: string) {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped()
  const cluster = `${folder}/postgres/cluster`
  yield* fs.makeDirectory(cluster, { recursive: true })
  yield* fs.writeFileString(`${cluster}/parley.json`, JSON.stringify({ password: "hunter2" }))
  yield* fs.writeFileString(`${cluster}/postmaster.pid`, `1\n${cluster}\n0\n${port}\n\n127.0.0.1\n\n${state}  \n`)
  return folder
})

layer(NodeServices.layer, { excludeTestServices: true })("the database of the scripts", (it) => {
  it.effect("is given up when it stands still after the connection was made, and nobody waits for its farewell", () =>
    Effect.gen(function* () {
      const { url } = yield* migrated
      const frozen = yield* freezing(url)
      const start = yield* Clock.currentTimeMillis
      const message = yield* Effect.provideService(
        messageOf({ POSTGRES_URL: frozen }),
        Database.DatabaseWithin,
        "2 seconds"
      )
      assert.match(message, /^The database at 127\.0\.0\.1:\d+\/test_\w+ does not answer within 2s$/u)
      assert.isBelow((yield* Clock.currentTimeMillis) - start, 3_000)
    })
  )

  it.effect("is waited for no longer than two minutes", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* Database.DatabaseWithin, "2 minutes")
    })
  )

  it.effect("is said to have no tables where it has none", () =>
    Effect.gen(function* () {
      const { url } = yield* database
      assert.match(
        yield* messageOf({ POSTGRES_URL: url }),
        /has no tables of Parley, or not all of them: run make migrate/u
      )
    })
  )

  it.effect("cannot be reached where there is none", () =>
    Effect.gen(function* () {
      const message = yield* messageOf({ POSTGRES_URL: "postgresql://parley:hunter2@127.0.0.1:1/parley" })
      assert.match(message, /^The database at 127\.0\.0\.1:1\/parley cannot be reached: .*ECONNREFUSED/u)
    })
  )

  it.effect("is that of make dev, where it runs, in development and without POSTGRES_URL", () =>
    Effect.gen(function* () {
      const DATA_DIR = yield* development(1, "ready")
      assert.match(
        yield* messageOf({ APP_ENV: "development", DATA_DIR }),
        /^The database at 127\.0\.0\.1:1\/parley cannot/u
      )
      assert.include(yield* messageOf({ APP_ENV: "production", DATA_DIR }), "POSTGRES_URL is not set")
      for (const folder of ["/nowhere", yield* development(1, "stopping")]) {
        const message = yield* messageOf({ APP_ENV: "development", DATA_DIR: folder })
        assert.include(message, "make dev, whose database would be read without it, does not run here")
      }
    })
  )

  for (const [name, value] of [
    ["POSTGRES_URL", "postgresql://u:hunter2%ZZ@127.0.0.1:1/parley"],
    ["POSTGRES_URL", "postgresql://u:hunter2@127.0.0.1:port/parley"],
    ["PROMETHEUS_URL", "http://u:hunter2%ZZ@127.0.0.1:1"],
    ["PROMETHEUS_URL", "http://[hunter2"],
    ["ALERTMANAGER_URL", "http://u:hunter2%@127.0.0.1:1"],
    ["PARLEY_URL", "http://u:hunter2%ZZ@127.0.0.1:1"],
    ["SMTP_URL", "smtp://u:hunter2%ZZ@127.0.0.1:1"]
  ] as const) {
    it.effect(`of ${name} ${value} is refused by its name, without a stack, and not repeated`, () =>
      Effect.gen(function* () {
        const { code, complaints, output } = yield* automation({ [name]: value })("daily", "--json", "--dry-run")
        assert.deepStrictEqual([code, output], [3, ""])
        assert.match(complaints, new RegExp(`^${name} must be .+%25.+$`, "u"))
        assert.notInclude(complaints, "hunter2")
      })
    )
  }
})
