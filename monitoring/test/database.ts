/** A database of a test's own, on the PostgreSQL of the run. */
import { PgClient } from "@effect/sql-pg"
import { Effect, Redacted } from "effect"
import { randomUUID } from "node:crypto"
import { inject } from "vitest"

const administer = (use: (sql: PgClient.PgClient) => Effect.Effect<unknown, unknown>) =>
  Effect.flatMap(PgClient.PgClient, use).pipe(
    Effect.provide(PgClient.layer({ url: Redacted.make(inject("postgresUrl")) })),
    Effect.orDie
  )

const copyOf = (template: string) =>
  Effect.acquireRelease(
    Effect.gen(function* () {
      const name = `test_${randomUUID().replaceAll("-", "")}`
      yield* administer((sql) => sql`CREATE DATABASE ${sql(name)} TEMPLATE ${sql(template)}`)
      const url = new URL(inject("postgresUrl"))
      url.pathname = `/${name}`
      return { name, url: url.href }
    }),
    ({ name }) => administer((sql) => sql`DROP DATABASE IF EXISTS ${sql(name)} WITH (FORCE)`)
  )

/** The server brings it up to date itself. */
export const database = copyOf("template0")

/** With all tables, as the run has prepared it, and nothing in them. */
export const migrated = copyOf("parley_template")
