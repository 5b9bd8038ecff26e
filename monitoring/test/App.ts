/** The server as a process of its own, with a database of its own, which can be stopped and started again. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Exit, Layer, Option, Redacted, Schedule, Schema, Scope } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { randomUUID } from "node:crypto"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { fileURLToPath } from "node:url"
import { inject } from "vitest"

/** One that nobody listens on at this moment. */
export const freePort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})

const administer = (use: (sql: PgClient.PgClient) => Effect.Effect<unknown, unknown>) =>
  Effect.flatMap(PgClient.PgClient, use).pipe(
    Effect.provide(PgClient.layer({ url: Redacted.make(inject("postgresUrl")) })),
    Effect.orDie
  )

/** The server brings it up to date itself. */
const database = Effect.acquireRelease(
  Effect.gen(function* () {
    const name = `test_${randomUUID().replaceAll("-", "")}`
    yield* administer((sql) => sql`CREATE DATABASE ${sql(name)} TEMPLATE template0`)
    const url = new URL(inject("postgresUrl"))
    url.pathname = `/${name}`
    return { name, url: url.href }
  }),
  ({ name }) => administer((sql) => sql`DROP DATABASE IF EXISTS ${sql(name)} WITH (FORCE)`)
)

const main = fileURLToPath(new URL("../../packages/server/src/main.ts", import.meta.url))

const Tokens = Schema.Struct({ refresh_token: Schema.String })

export class App extends Context.Service<
  App,
  {
    readonly port: number
    readonly metricsToken: string
    /** A new account's refresh token. */
    readonly register: Effect.Effect<string>
    /** The status, and the next token if there is one. */
    readonly refresh: (token: string) => Effect.Effect<{ readonly status: number; readonly next: string }>
    readonly stop: Effect.Effect<void>
    readonly start: Effect.Effect<void>
  }
>()("@parley/monitoring/test/App") {
  static readonly layer = Layer.effect(
    App,
    Effect.gen(function* () {
      const { url } = yield* database
      const port = yield* freePort
      const metricsToken = randomUUID()
      const env = {
        APP_ENV: "test",
        HOST: "127.0.0.1",
        PORT: String(port),
        POSTGRES_URL: url,
        LOG_LEVEL: "Error",
        JWT_SECRET_KEY: "a secret for tests, of 32 bytes or more",
        BCRYPT_ROUNDS: "4",
        // A token that comes back at once is known for a stolen one.
        REFRESH_REUSE_GRACE_SECONDS: "0",
        METRICS_TOKEN: metricsToken,
        BUSINESS_METRICS_INTERVAL: "1 second"
      }
      const scope = yield* Effect.scope
      const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
      let running: Scope.Closeable | undefined

      const start = Effect.gen(function* () {
        const own = yield* Scope.fork(scope)
        running = own
        yield* ChildProcess.make(process.execPath, [main], {
          env,
          cwd: tmpdir(),
          stdin: "ignore",
          stdout: "inherit",
          stderr: "inherit",
          forceKillAfter: "10 seconds"
        }).pipe(Scope.provide(own))
        yield* Effect.tryPromise((signal) => fetch(`http://127.0.0.1:${port}/health/ready`, { signal })).pipe(
          Effect.filterOrFail(({ ok }) => ok),
          Effect.retry(Schedule.spaced("100 millis")),
          Effect.timeout("90 seconds")
        )
      }).pipe(Effect.provideService(ChildProcessSpawner.ChildProcessSpawner, spawner), Effect.orDie)

      const post = (path: string, body: object) =>
        Effect.promise(async (signal) => {
          const response = await fetch(`http://127.0.0.1:${port}/api/v1/auth/${path}`, {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify(body),
            signal
          })
          return { status: response.status, json: await response.json() }
        })
      const tokenIn = (json: unknown) =>
        Effect.map(Effect.option(Schema.decodeUnknownEffect(Tokens)(json)), (found) =>
          Option.match(found, { onNone: () => "", onSome: ({ refresh_token }) => refresh_token })
        )

      yield* start
      return App.of({
        port,
        metricsToken,
        register: Effect.flatMap(
          post("register", { email: `${randomUUID()}@example.com`, password: "Correct-horse-7" }),
          ({ json }) => tokenIn(json)
        ),
        refresh: (token) =>
          Effect.flatMap(post("refresh", { refresh_token: token }), ({ json, status }) =>
            Effect.map(tokenIn(json), (next) => ({ status, next }))
          ),
        stop: Effect.suspend(() => (running === undefined ? Effect.void : Scope.close(running, Exit.void))),
        start
      })
    })
  )
}
