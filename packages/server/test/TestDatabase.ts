/** A migrated PostgreSQL database of a test's own. */
import { PgClient } from "@effect/sql-pg"
import { type Duration, Effect, Layer, Redacted } from "effect"
import { randomUUID } from "node:crypto"
import { inject } from "vitest"
import * as BoundedClient from "../src/Sql/BoundedClient.ts"
import { Metrics } from "../src/Telemetry/Metrics.ts"

export const templateName = "parley_template"

export const databaseUrl = (server: Redacted.Redacted, database: string): Redacted.Redacted => {
  const url = new URL(Redacted.value(server))
  url.pathname = `/${database}`
  return Redacted.make(url.href)
}

const administer = <A, E>(use: (sql: PgClient.PgClient) => Effect.Effect<A, E>) =>
  Effect.flatMap(PgClient.PgClient, use).pipe(
    Effect.provide(PgClient.layer({ url: Redacted.make(inject("postgresUrl")) })),
    Effect.orDie
  )

const copyOf = (template: string) =>
  Effect.acquireRelease(
    Effect.gen(function* () {
      const name = `test_${randomUUID().replaceAll("-", "")}`
      yield* administer((sql) => sql`CREATE DATABASE ${sql(name)} TEMPLATE ${sql(template)}`)
      return { name, url: databaseUrl(Redacted.make(inject("postgresUrl")), name) }
    }),
    ({ name }) => administer((sql) => sql`DROP DATABASE IF EXISTS ${sql(name)} WITH (FORCE)`)
  )

/** The address of a copy of the migrated template, dropped with the scope. */
export const make = copyOf(templateName)

/** The address of a database with nothing in it. */
export const makeEmpty = copyOf("template0")

/** As production has it, or with fewer connections, each for one statement at a time, or less patience. */
export const layerPool = (maxConnections: number, multiplex = true, answerTimeout: Duration.Input = "5 seconds") =>
  BoundedClient.layerFrom(
    Effect.flatMap(make, ({ url }) => BoundedClient.make({ url, maxConnections, multiplex, answerTimeout }))
  ).pipe(Layer.provide(Metrics.layer))

export const layer = layerPool(10)
