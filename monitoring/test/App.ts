/** The server as a process of its own, with a database of its own, which can be stopped and started again. */
import { Context, Effect, Exit, Layer, Option, Schema, Scope } from "effect"
import { ChildProcessSpawner } from "effect/process"
import { randomUUID } from "node:crypto"
import { fileURLToPath } from "node:url"
import { database } from "./database.ts"
import * as processes from "./processes.ts"

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
      const port = yield* processes.freePort
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
        yield* Scope.provide(processes.start(process.execPath, [main], { env }), own)
        yield* processes.answers(`http://127.0.0.1:${port}/health/ready`)
      }).pipe(Effect.provideService(ChildProcessSpawner.ChildProcessSpawner, spawner))

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
