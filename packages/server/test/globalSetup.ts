/** One PostgreSQL for the whole run, with a migrated database that tests copy. Two runs at once have one each. */
import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Effect, Exit, FileSystem, Redacted, References, Scope } from "effect"
import type { TestProject } from "vitest/node"
import * as EmbeddedPostgres from "../src/Sql/Embedded/EmbeddedPostgres.ts"
import { migrate } from "../src/Sql/Migrations.ts"
import { databaseUrl, templateName } from "./TestDatabase.ts"

declare module "vitest" {
  interface ProvidedContext {
    readonly postgresUrl: string
  }
}

const prepare = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const dataDir = yield* fs.makeTempDirectoryScoped({ prefix: "parley-test-" })
  const { url } = yield* EmbeddedPostgres.acquire({ dataDir, durable: false, linger: "0 seconds" })
  yield* Effect.gen(function* () {
    const sql = yield* PgClient.PgClient
    yield* sql`CREATE DATABASE ${sql(templateName)}`
  }).pipe(Effect.provide(PgClient.layer({ url })))
  yield* migrate.pipe(
    Effect.provide(PgClient.layer({ url: databaseUrl(url, templateName) })),
    Effect.provideService(References.MinimumLogLevel, "Warn")
  )
  return Redacted.value(url)
})

export const setup = async (project: TestProject) => {
  const scope = await Effect.runPromise(Scope.make())
  const url = await prepare.pipe(Scope.provide(scope), Effect.provide(NodeServices.layer), Effect.runPromise)
  project.provide("postgresUrl", url)
  return () => Effect.runPromise(Scope.close(scope, Exit.void))
}
