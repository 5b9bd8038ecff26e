/** The p99 of turns while the collector and Langfuse answer 500, hang or are not there, against no exporters at all. */
import { Effect, Record } from "effect"
import * as Collector from "../Collector.ts"
import * as Parley from "../Parley.ts"
import { Postgres } from "../Postgres.ts"
import { atMost, progress, type Row } from "../Row.ts"
import { median, percentile, range, ratios } from "../Statistics.ts"
import * as StubModel from "../StubModel.ts"
import * as Turns from "../Turns.ts"

// Few turns a round: what else the machine does is felt by all alike.
const people = 4
const turnsEach = 5
const rounds = 15
// The p99 of 300 turns is the third slowest of them: one block of 300 tells more of the machine than of the server.
const blocks = 5

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
  const measured = yield* Effect.forEach(Array.from({ length: blocks }), (_, block) =>
    Effect.gen(function* () {
      yield* progress(`block ${block + 1} of ${blocks}`)
      const all = yield* Effect.forEach(Array.from({ length: rounds }), () => Effect.all(servers))
      return Record.map(servers, (_, name) => all.flatMap((round) => round[name]))
    })
  )
  const millis = (value: number) => `${value.toFixed(0)} ms`
  const { none: _, ...bad } = servers
  return Record.keys(bad).map((name) => {
    const [ours, theirs] = [measured.map((block) => block[name]), measured.map(({ none }) => none)]
    const [p99, p99None] = [ours.map((took) => percentile(took, 0.99)), theirs.map((took) => percentile(took, 0.99))]
    const times = ratios(p99, p99None)
    return {
      what: `p99 of ${people * turnsEach * rounds} turns, collector ${name}, against no exporters`,
      measured: `${median(times).toFixed(2)} times (${millis(median(p99))} against ${millis(median(p99None))})`,
      spread: `${range(times, (value) => value.toFixed(2))}; p50 ${millis(median(ours.flat()))} against ${millis(median(theirs.flat()))}`,
      bar: atMost(median(times), 1.1, "times")
    }
  })
})

export const telemetryDown: Row = { name: "telemetry-down", measure }
