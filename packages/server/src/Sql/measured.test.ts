import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { parse, valueOf } from "../../test/Exposition.ts"
import * as TestDatabase from "../../test/TestDatabase.ts"
import { Metrics } from "../Telemetry/Metrics.ts"
import { statementOf } from "./measured.ts"

describe("a statement", () => {
  it("is known by its first word", () => {
    const words = [
      "\n  SELECT 1",
      "insert into t",
      "WITH a AS (SELECT 1) UPDATE t",
      "BEGIN",
      "SAVEPOINT a",
      "",
      "SELECTED"
    ]
    assert.deepStrictEqual(words.map(statementOf), ["select", "insert", "with", "begin", "other", "other", "other"])
  })
})

const pool = Effect.flatMap(Metrics, ({ exposition }) =>
  Effect.map(exposition, (text) => {
    const shown = parse(text)
    const connections = (state: string) => valueOf(shown, "db_client_connection_count", { state })
    return [connections("used"), connections("idle"), valueOf(shown, "db_client_connection_pending_requests")]
  })
)

layer(Layer.merge(TestDatabase.layerPool(1, false), Metrics.layer), { excludeTestServices: true })(
  "a pool of one connection",
  (it) => {
    it.effect("shows that it is in use, who waits for it, and that it is not", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const held = yield* Effect.forkChild(sql.withTransaction(Effect.andThen(sql`SELECT 1`, Effect.never)))
        yield* Effect.repeat(pool, { until: ([used]) => used === 1 })
        const waiting = yield* Effect.forkChild(Effect.all([sql`SELECT 1`, sql`SELECT 2`], { concurrency: 2 }))
        yield* Effect.repeat(pool, { until: ([, , pending]) => pending === 2 })
        assert.deepStrictEqual(yield* pool, [1, 0, 2])
        yield* Fiber.interrupt(held)
        yield* Fiber.join(waiting)
        assert.deepStrictEqual(yield* pool, [0, 1, 0])
      })
    )
  }
)
