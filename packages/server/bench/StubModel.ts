/** The scripted model of the tests as a process. */
import { Effect, Schema } from "effect"
import { startTold } from "./Processes.ts"

const Stats = Schema.Struct({ calls: Schema.Int, busyMillis: Schema.Finite })

/** Answers each call with so many one-word chunks, so far apart. */
export const run = Effect.fnUntraced(function* (options: { readonly tokens: number; readonly betweenMillis: number }) {
  const { told } = yield* startTold(
    "test/stub-model.ts",
    ["--tokens", String(options.tokens), "--delay-between-chunks", String(options.betweenMillis)],
    Schema.Struct({ baseUrl: Schema.String })
  )
  return {
    baseUrl: told.baseUrl,
    stats: Effect.promise((signal) =>
      fetch(new URL("/stats", told.baseUrl), { signal }).then((response) => response.json())
    ).pipe(Effect.flatMap(Schema.decodeUnknownEffect(Stats)), Effect.orDie)
  }
})
