/** A PostgreSQL of the run's own, durable as in production; gone with the run, and its files too. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, FileSystem, Layer, Redacted, References, type Scope } from "effect"
import { randomUUID } from "node:crypto"
import * as EmbeddedPostgres from "../src/Sql/Embedded/EmbeddedPostgres.ts"
import { migrate } from "../src/Sql/Migrations.ts"

export class Postgres extends Context.Service<
  Postgres,
  {
    /** The address of a new database with the current schema, dropped with the scope. */
    readonly database: Effect.Effect<string, never, Scope.Scope>
    /** The address of another one, for those who look into the server. */
    readonly observatory: string
    /** The file the server logs to. */
    readonly log: string
  }
>()("@parley/server/bench/Postgres") {
  static readonly layer = Layer.effect(
    Postgres,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const dataDir = yield* fs.makeTempDirectoryScoped({ prefix: "parley-bench-" })
      // For root: PostgreSQL runs as somebody else then, and would keep its files elsewhere if it could not enter.
      yield* fs.chmod(dataDir, 0o755)
      const { url } = yield* EmbeddedPostgres.acquire({ dataDir, durable: true, linger: "0 seconds" })
      const server = Redacted.value(url)

      const administer = <A, E>(use: (sql: PgClient.PgClient) => Effect.Effect<A, E>) =>
        Effect.flatMap(PgClient.PgClient, use).pipe(Effect.provide(PgClient.layer({ url })), Effect.orDie)

      const database = Effect.gen(function* () {
        const name = yield* Effect.acquireRelease(
          Effect.suspend(() => {
            const name = `bench_${randomUUID().replaceAll("-", "")}`
            return Effect.as(
              administer((sql) => sql`CREATE DATABASE ${sql(name)}`),
              name
            )
          }),
          (name) => administer((sql) => sql`DROP DATABASE IF EXISTS ${sql(name)} WITH (FORCE)`)
        )
        const address = Object.assign(new URL(server), { pathname: `/${name}` }).href
        yield* migrate.pipe(
          Effect.provide(PgClient.layer({ url: Redacted.make(address) })),
          Effect.provideService(References.MinimumLogLevel, "Warn"),
          Effect.orDie
        )
        return address
      })
      return Postgres.of({ database, observatory: server, log: `${dataDir}/postgres.log` })
    })
  )
}
