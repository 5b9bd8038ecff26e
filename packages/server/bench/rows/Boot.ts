/** From starting the process to `GET /health/ready` being answered with 200, the database migrated and the disk warm. */
import { Effect } from "effect"
import * as Parley from "../Parley.ts"
import { Postgres } from "../Postgres.ts"
import { atMost, progress, type Row } from "../Row.ts"
import { median, range } from "../Statistics.ts"

const boots = 7

const seconds = (millis: number) => `${(millis / 1000).toFixed(2)} s`

const measure = Effect.gen(function* () {
  const { database } = yield* Postgres
  const boot = Parley.run({ database: yield* database, modelUrl: "http://127.0.0.1:9/v1" }).pipe(
    Effect.map(({ bootMillis }) => bootMillis),
    Effect.scoped
  )
  // Warms the disk.
  yield* boot
  const millis = yield* Effect.forEach(Array.from({ length: boots }), (_, index) =>
    Effect.andThen(progress(`boot ${index + 1} of ${boots}`), boot)
  )
  return [
    {
      what: "boot to ready, warm disk, migrated database, median",
      measured: seconds(median(millis)),
      spread: range(millis, seconds),
      bar: atMost(median(millis) / 1000, 4, "s")
    }
  ]
})

export const boot: Row = { name: "boot", measure }
