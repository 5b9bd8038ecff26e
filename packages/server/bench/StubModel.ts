/** The scripted model of the tests as a process. */
import { Clock, Effect, Schema } from "effect"
import { startTold } from "./Processes.ts"

const Stats = Schema.Struct({ calls: Schema.Int, busyMillis: Schema.Finite })

/** Answers each call with so many one-word chunks, so far apart. */
export const run = Effect.fnUntraced(function* (options: { readonly tokens: number; readonly betweenMillis: number }) {
  const { told } = yield* startTold(
    "test/stub-model.ts",
    ["--tokens", String(options.tokens), "--delay-between-chunks", String(options.betweenMillis)],
    Schema.Struct({ baseUrl: Schema.String })
  )
  const stats = Effect.promise((signal) =>
    fetch(new URL("/stats", told.baseUrl), { signal }).then((response) => response.json())
  ).pipe(Effect.flatMap(Schema.decodeUnknownEffect(Stats)), Effect.orDie)
  return {
    baseUrl: told.baseUrl,
    stats,
    /** The milliseconds that `effect` takes beyond those of the stub. Nobody else may ask it meanwhile. */
    beyond: Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
      const before = yield* stats
      const startedAt = yield* Clock.currentTimeNanos
      yield* effect
      const took = Number((yield* Clock.currentTimeNanos) - startedAt) / 1e6
      return took - ((yield* stats).busyMillis - before.busyMillis)
    })
  }
})
