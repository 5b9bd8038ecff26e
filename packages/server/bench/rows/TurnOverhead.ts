/** What a turn takes beyond the model: the answer time of `POST /chat` minus the stub's own time, one client. */
import { Effect } from "effect"
import * as Parley from "../Parley.ts"
import { Postgres } from "../Postgres.ts"
import { atMost, progress, type Row } from "../Row.ts"
import * as StubModel from "../StubModel.ts"
import { median, percentile } from "../Statistics.ts"

const warmUpTurns = 100
const turns = 400
const turnsPerSession = 10

const millis = (value: number) => `${value.toFixed(1)} ms`

const measure = Effect.gen(function* () {
  const { database } = yield* Postgres
  const model = yield* StubModel.run({ tokens: 20, betweenMillis: 1 })
  const { url } = yield* Parley.run({ database: yield* database, modelUrl: model.baseUrl })
  const client = yield* Parley.client(url)

  const turn = (session_id: string) => model.beyond(client.post("/chat", { session_id, content: "How are you?" }))
  const session = Effect.flatMap(client.openSession, (id) =>
    Effect.forEach(Array.from({ length: turnsPerSession }), () => turn(id))
  )
  const take = (count: number) =>
    Effect.map(
      Effect.forEach(Array.from({ length: count / turnsPerSession }), () => session),
      (all) => all.flat()
    )

  yield* progress(`warming up with ${warmUpTurns} turns`)
  yield* take(warmUpTurns)
  yield* progress(`${turns} turns`)
  const overheads = yield* take(turns)
  return [
    {
      what: "turn overhead: answer time minus the model's own, p50, one client",
      measured: millis(median(overheads)),
      spread: `p10 ${millis(percentile(overheads, 0.1))}, p90 ${millis(percentile(overheads, 0.9))}`,
      bar: atMost(median(overheads), 10, "ms")
    }
  ]
})

export const turnOverhead: Row = { name: "turn-overhead", measure }
