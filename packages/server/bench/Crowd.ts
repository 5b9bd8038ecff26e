/** The crowd of readers, which runs beside this process. */
import { Effect, Schema } from "effect"
import { startTold } from "./Processes.ts"

export const Order = Schema.Struct({
  /** What to GET for a connection to be there. */
  knock: Schema.String,
  /** Where the streams are. */
  url: Schema.String,
  requests: Schema.Array(Schema.Struct({ headers: Schema.Record(Schema.String, Schema.String), body: Schema.String })),
  /** How far apart they come, and whether they wait for the last before they ask. */
  apartMillis: Schema.Int,
  together: Schema.Boolean,
  /** What is in every token, and what only the end of a stream that ended well has in it. */
  token: Schema.String,
  end: Schema.String
})
export type Order = typeof Order.Type

const Heard = Schema.Struct({
  /** From sending a request, of the streams that had one. */
  firstTokenMillis: Schema.Array(Schema.Finite),
  /** Of the streams that did not end well. */
  problems: Schema.Array(Schema.String),
  /** Streams that had begun and not ended, at their most. */
  mostAtOnce: Schema.Int
})
export type Heard = typeof Heard.Type

const decode = Schema.decodeUnknownEffect(Heard)

/** Reads all streams of an order. */
export const run = Effect.gen(function* () {
  const { told } = yield* startTold("bench/crowdProcess.ts", [], Schema.Struct({ url: Schema.String }))
  return (order: Order) =>
    Effect.promise(async (signal) => {
      const response = await fetch(told.url, { method: "POST", body: JSON.stringify(order), signal })
      return response.json()
    }).pipe(Effect.flatMap(decode), Effect.orDie)
})
