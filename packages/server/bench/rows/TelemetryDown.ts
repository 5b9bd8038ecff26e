/** The p99 of turns while the collector and Langfuse answer 500, hang or are not there, against no exporters at all. */
import { Effect, Record } from "effect"
import * as Collector from "../Collector.ts"
import * as Parley from "../Parley.ts"
import { Postgres } from "../Postgres.ts"
import { atMost, progress, type Row } from "../Row.ts"
import { median, percentile } from "../Statistics.ts"
import * as StubModel from "../StubModel.ts"
import * as Turns from "../Turns.ts"

// Few turns a round: what else the machine does is felt by all alike.
const people = 4
const turnsEach = 5
const rounds = 15

const measure = Effect.gen(function* () {
  const { database } = yield* Postgres
  // As slow as a quick model is.
  const model = yield* StubModel.run({ tokens: 20, betweenMillis: 5 })
  const start = Effect.fnUntraced(function* (settings: Readonly<Record<string, string>>) {
    const { url } = yield* Parley.run({ database: yield* database, modelUrl: model.baseUrl, settings })
    const { take } = yield* Turns.make(url, people)
    yield* take(20)
    return take(turnsEach)
  })
  yield* progress("warming up four servers")
  const servers = {
    none: yield* start({}),
    "answers 500": yield* start(yield* Collector.run("failing")),
    hangs: yield* start(yield* Collector.run("hang")),
    "refuses connections": yield* start(yield* Collector.refusing)
  }
  const all = yield* Effect.forEach(Array.from({ length: rounds }), (_, index) =>
    Effect.andThen(index % 10 === 0 ? progress(`round ${index + 1} of ${rounds}`) : Effect.void, Effect.all(servers))
  )
  const { none, ...bad } = Record.map(servers, (_, name) => all.flatMap((round) => round[name]))
  const millis = (value: number) => `${value.toFixed(0)} ms`
  return Object.entries(bad).map(([name, took]) => {
    const [ours, theirs] = [percentile(took, 0.99), percentile(none, 0.99)]
    return {
      what: `p99 of ${took.length} turns, collector ${name}, against no exporters`,
      measured: `${(ours / theirs).toFixed(2)} times (${millis(ours)} against ${millis(theirs)})`,
      spread: `p50 ${millis(median(took))} against ${millis(median(none))}`,
      bar: atMost(ours / theirs, 1.1, "times")
    }
  })
})

export const telemetryDown: Row = { name: "telemetry-down", measure }
