/** People who chat with a running Parley, each in a session of their own, one turn after the other. */
import { Clock, Effect } from "effect"
import * as Parley from "./Parley.ts"

/** As many as `people`. A session is left for a new one before much has been said in it. */
const turnsPerSession = 20

export const make = Effect.fnUntraced(function* (url: string, people: number) {
  const clients = yield* Effect.forEach(Array.from({ length: people }), () => Parley.client(url))

  /** Gives what each turn took, in milliseconds. */
  const take = (turnsEach: number) =>
    Effect.forEach(
      clients,
      (client) =>
        Effect.gen(function* () {
          const took: Array<number> = []
          let session_id = ""
          for (let turn = 0; turn < turnsEach; turn++) {
            if (turn % turnsPerSession === 0) session_id = yield* client.openSession
            const startedAt = yield* Clock.currentTimeNanos
            yield* client.post("/chat", { session_id, content: "How are you?" })
            took.push(Number((yield* Clock.currentTimeNanos) - startedAt) / 1e6)
          }
          return took
        }),
      { concurrency: "unbounded" }
    ).pipe(Effect.map((all) => all.flat()))
  return { take }
})
