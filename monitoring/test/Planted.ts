/** A database with what a test says has happened, and how the scripts are told where it is. */
import { PgClient } from "@effect/sql-pg"
import { NodeServices } from "@effect/platform-node"
import { Array as Arr, ConfigProvider, Context, Effect, Layer, Redacted } from "effect"
import { FetchHttpClient } from "effect/http"
import { randomUUID } from "node:crypto"
import { Paint } from "../automation/Paint.ts"
import { Prometheus } from "../automation/Prometheus.ts"
import { migrated } from "./database.ts"

export interface Turn {
  readonly user: string
  /** As PostgreSQL reads it. */
  readonly at: string
  readonly model?: string
  readonly input?: number
  readonly output?: number
  readonly eur: number
  readonly session?: string
  /** It left no answer. */
  readonly failed?: boolean
}

export class Planted extends Context.Service<
  Planted,
  {
    readonly url: string
    readonly sql: PgClient.PgClient
    readonly user: Effect.Effect<string>
    /** Each of one call. */
    readonly turns: (all: ReadonlyArray<Turn>) => Effect.Effect<void>
    readonly payments: (
      all: ReadonlyArray<{ readonly at: string; readonly cents: number; readonly status: string }>
    ) => Effect.Effect<void>
  }
>()("@parley/monitoring/test/Planted") {
  static readonly layer = Layer.effect(
    Planted,
    Effect.gen(function* () {
      const { url } = yield* migrated
      const sql = Context.get(yield* Layer.build(PgClient.layer({ url: Redacted.make(url) })), PgClient.PgClient)
      const into = Effect.fnUntraced(function* (table: string, rows: ReadonlyArray<Record<string, unknown>>) {
        if (Arr.isReadonlyArrayNonEmpty(rows)) yield* sql`INSERT INTO ${sql(table)} ${sql.insert(rows)}`
      }, Effect.orDie)
      return Planted.of({
        url,
        sql,
        user: Effect.gen(function* () {
          const id = randomUUID()
          yield* sql`INSERT INTO users (id, email, hashed_password, created_at, updated_at)
            VALUES (${id}, ${`${id}@example.com`}, '', now(), now())`
          return id
        }).pipe(Effect.orDie),
        turns: (all) =>
          into(
            "usage",
            all.map(
              ({ at, eur, failed = false, input = 1000, model = "gpt-4o-mini", output = 100, session, user }) => ({
                user_id: user,
                session_id: session ?? randomUUID(),
                message_id: failed ? null : randomUUID(),
                model,
                input_tokens: input,
                output_tokens: output,
                cost_eur: String(eur),
                created_at: at
              })
            )
          ),
        payments: (all) =>
          into(
            "payments",
            all.map(({ at, cents, status }) => ({
              id: randomUUID(),
              status,
              amount: cents,
              currency: "eur",
              created_at: at
            }))
          )
      })
    }).pipe(Effect.orDie)
  )
}

/** Nobody listens there. */
export const nowhere = "http://127.0.0.1:2"

/** What the scripts find in their environment, and what they print with. */
export const told = (variables: Readonly<Record<string, string>>) =>
  Layer.merge(Prometheus.layer, Paint.layer).pipe(
    Layer.provideMerge(FetchHttpClient.layer),
    Layer.provideMerge(NodeServices.layer),
    Layer.provideMerge(
      ConfigProvider.layer(ConfigProvider.fromUnknown({ APP_ENV: "test", PROMETHEUS_URL: nowhere, ...variables }))
    )
  )
