/** Two servers as processes, started at once on an empty database, with a Redis, behind nginx. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Scope } from "effect"
import { freePort } from "../bench/Processes.ts"
import { RealNginx } from "./RealNginx.ts"
import * as Nginx from "./RealNginx.ts"
import { RealRedis } from "./RealRedis.ts"
import * as ServerProcess from "./ServerProcess.ts"
import { StubModel } from "./StubModel.ts"
import * as TestDatabase from "./TestDatabase.ts"
import { TestServer } from "./TestServer.ts"

type Running = Effect.Success<ReturnType<typeof ServerProcess.start>>

export class Replicas extends Context.Service<
  Replicas,
  {
    /** What is at each of the two addresses now. */
    readonly servers: readonly [Running, Running]
    /** What the first two had logged when they were ready. */
    readonly bootLines: ReadonlyArray<string>
    /** Ends one as an operator does, and starts another in its place; `whileDraining` runs when it has been told to end. */
    readonly replace: (index: 0 | 1, whileDraining: Effect.Effect<void>) => Effect.Effect<{ readonly code: number }>
    readonly nginx: RealNginx["Service"]
  }
>()("@parley/server/test/Replicas") {
  /** With the database, the model, and `TestServer`, which is a client of nginx. */
  static readonly layerWith = (settings: Readonly<Record<string, string>>) =>
    Layer.unwrap(
      Effect.gen(function* () {
        const { url: database } = yield* TestDatabase.makeEmpty
        const made = Layer.effectContext(
          Effect.gen(function* () {
            const { baseUrl: modelUrl } = yield* StubModel
            const redis = yield* RealRedis
            const ports = [yield* freePort, yield* freePort] as const
            const scope = yield* Effect.scope
            const start = (port: number) =>
              ServerProcess.start({
                database,
                modelUrl,
                port,
                settings: { REDIS_URL: redis.url, TRUSTED_PROXIES: Nginx.address, ...settings }
              }).pipe(Effect.provideService(Scope.Scope, scope))
            const context = yield* Effect.context<Effect.Services<ReturnType<typeof start>>>()
            const servers = yield* Effect.all([start(ports[0]), start(ports[1])], { concurrency: 2 })
            const bootLines = servers.flatMap(({ lines }) => lines)
            const nginx = yield* RealNginx.make(ports.map((port) => ({ port })))
            const replace = Effect.fnUntraced(function* (index: 0 | 1, whileDraining: Effect.Effect<void>) {
              yield* nginx.reload(ports.map((port, at) => ({ port, down: at === index })))
              yield* servers[index].signal("SIGTERM")
              yield* whileDraining
              const code = Number(yield* servers[index].exitCode)
              servers[index] = yield* Effect.provide(start(ports[index]), context)
              yield* nginx.reload(ports.map((port) => ({ port })))
              return { code }
            })
            return Context.make(Replicas, Replicas.of({ servers, bootLines, replace, nginx })).pipe(
              Context.add(TestServer, TestServer.client(nginx.url))
            )
          })
        )
        return Layer.provideMerge(
          made,
          Layer.mergeAll(StubModel.layer, RealRedis.layer, PgClient.layer({ url: database, applicationName: "test" }))
        )
      })
    )
}
