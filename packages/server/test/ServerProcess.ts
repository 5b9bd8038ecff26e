/** The server as a process of its own, which a test can kill, stop and start again. */
import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Redacted, Schedule, Scope } from "effect"
import { SqlClient } from "effect/sql"
import { answers, freePort, signal, startLogged } from "../bench/Processes.ts"
import { StubModel } from "./StubModel.ts"
import * as TestDatabase from "./TestDatabase.ts"
import { settings, TestServer } from "./TestServer.ts"

export interface Options {
  readonly database: Redacted.Redacted
  readonly modelUrl: string
  readonly port: number
  readonly settings?: Readonly<Record<string, string>>
}

/** Starts one and waits until it is ready. */
export const start = Effect.fnUntraced(function* ({ database, modelUrl, port, settings: more }: Options) {
  const { handle, lines } = yield* startLogged("src/main.ts", {
    env: {
      ...settings,
      HOST: "127.0.0.1",
      PORT: String(port),
      POSTGRES_URL: Redacted.value(database),
      LLM_API_KEY: "stub",
      LLM_BASE_URL: modelUrl,
      ...more
    }
  })
  const url = `http://127.0.0.1:${port}`
  yield* answers(`${url}/health/ready`)
  const send = (name: NodeJS.Signals) => Effect.sync(() => signal(handle.pid, name))
  return {
    client: TestServer.client(url),
    /** What it has logged so far. */
    lines,
    isRunning: Effect.orDie(handle.isRunning),
    /** Ends it in the middle of whatever it does. */
    kill: Effect.andThen(send("SIGKILL"), Effect.exit(handle.exitCode)),
    signal: send,
    /** Waits until it has ended. */
    exitCode: Effect.orDie(handle.exitCode),
    /** Asks it to end, and waits until it has; gives its exit code. */
    terminate: Effect.andThen(send("SIGTERM"), Effect.orDie(handle.exitCode)),
    freeze: send("SIGSTOP"),
    thaw: send("SIGCONT")
  }
})

/**
 * What killed servers have left: waits until the database has noticed that they are gone, and then has their leases run
 * out. Those last 30 s on the database's clock; here it is moved.
 */
const bury = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'parley'`.pipe(
    Effect.repeat({ until: (rows) => rows.length === 0, schedule: Schedule.spaced(10) })
  )
  yield* sql`UPDATE sessions SET lease_expires_at = now() WHERE lease_token IS NOT NULL`
})

/** One server on a database of the test's own, always at the same address. */
export class ServerProcess extends Context.Service<
  ServerProcess,
  {
    readonly options: Options
    /** What the first one has logged so far. */
    readonly lines: ReadonlyArray<string>
    readonly isRunning: Effect.Effect<boolean>
    readonly kill: Effect.Effect<void>
    readonly freeze: Effect.Effect<void>
    readonly thaw: Effect.Effect<void>
    /** After it was killed. */
    readonly restart: Effect.Effect<void>
  }
>()("@parley/server/test/ServerProcess") {
  /** With `TestServer`, `StubModel` and the database. */
  static readonly layerOn = (database: Redacted.Redacted) =>
    Layer.effectContext(
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const scope = yield* Effect.scope
        const { baseUrl } = yield* StubModel
        const options = { database, modelUrl: baseUrl, port: yield* freePort }
        const started = Scope.provide(Effect.provide(start(options), NodeServices.layer), scope)
        let server = yield* started
        const { client, lines } = server
        return Context.make(
          ServerProcess,
          ServerProcess.of({
            options,
            lines,
            isRunning: Effect.suspend(() => server.isRunning),
            kill: Effect.suspend(() => server.kill),
            freeze: Effect.suspend(() => server.freeze),
            thaw: Effect.suspend(() => server.thaw),
            restart: Effect.provideService(bury, SqlClient.SqlClient, sql).pipe(
              Effect.andThen(started),
              Effect.map((next) => void (server = next)),
              Effect.orDie
            )
          })
        ).pipe(Context.add(TestServer, client))
      })
    ).pipe(Layer.provideMerge(Layer.merge(StubModel.layer, PgClient.layer({ url: database, applicationName: "test" }))))

  static readonly layer = Layer.unwrap(Effect.map(TestDatabase.make, ({ url }) => ServerProcess.layerOn(url)))
}
