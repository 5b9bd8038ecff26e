/** Turns per second with all traces exported, to a collector and to Langfuse, against none exported. */
import { Clock, Effect } from "effect"
import * as Collector from "../Collector.ts"
import * as Parley from "../Parley.ts"
import { Postgres } from "../Postgres.ts"
import { watching } from "../Processes.ts"
import { atLeastPercent, progress, type Row } from "../Row.ts"
import { percent, percentile } from "../Statistics.ts"
import * as StubModel from "../StubModel.ts"
import * as Turns from "../Turns.ts"

const people = 4
const warmUpTurnsEach = 60
// Many short rounds: what else the machine does is felt by both alike.
const rounds = 40
const turnsEach = 5

const measure = Effect.gen(function* () {
  const { database } = yield* Postgres
  const model = yield* StubModel.run({ tokens: 20, betweenMillis: 0 })
  const start = Effect.fnUntraced(function* (settings: Readonly<Record<string, string>>) {
    const { pid, url } = yield* Parley.run({ database: yield* database, modelUrl: model.baseUrl, settings })
    const turns = yield* Turns.make(url, people)
    yield* turns.take(warmUpTurnsEach)
    return Effect.gen(function* () {
      const startedAt = yield* Clock.currentTimeNanos
      const { cpuSeconds, value } = yield* watching(pid, turns.take(turnsEach))
      return { turns: value.length, cpuSeconds, seconds: Number((yield* Clock.currentTimeNanos) - startedAt) / 1e9 }
    })
  })
  yield* progress("warming up both servers")
  const off = yield* start({})
  const on = yield* start(yield* Collector.run("well"))
  const measured = yield* Effect.forEach(Array.from({ length: rounds }), (_, index) =>
    Effect.gen(function* () {
      if (index % 10 === 0) yield* progress(`round ${index + 1} of ${rounds}`)
      // Whoever comes second finds the machine warmer: they take turns.
      if (index % 2 === 0) return { on: yield* on, off: yield* off }
      const first = yield* off
      return { off: first, on: yield* on }
    })
  )
  const of = (pick: (round: (typeof measured)[number]["on"]) => number) => {
    const perTurn = (which: "on" | "off") => {
      const all = measured.map((both) => both[which])
      return all.reduce((sum, round) => sum + pick(round), 0) / all.reduce((sum, { turns }) => sum + turns, 0)
    }
    const shares = measured.map(({ off, on }) => pick(off) / pick(on))
    return { on: perTurn("on"), off: perTurn("off"), share: perTurn("off") / perTurn("on"), shares }
  }
  const quartiles = (shares: ReadonlyArray<number>) =>
    `quartiles ${percent(percentile(shares, 0.25))} to ${percent(percentile(shares, 0.75))}`
  const rate = of(({ seconds }) => seconds)
  const work = of(({ cpuSeconds }) => cpuSeconds)
  return [
    {
      what: "POST /chat per second with all telemetry on, against all of it off",
      measured: `${percent(rate.share)} (${(1 / rate.on).toFixed(0)} against ${(1 / rate.off).toFixed(0)})`,
      spread: quartiles(rate.shares),
      bar: atLeastPercent(rate.share, 90)
    },
    {
      what: "the same per second of the server's own CPU",
      measured: `${percent(work.share)} (${(1e3 * work.on).toFixed(2)} against ${(1e3 * work.off).toFixed(2)} ms a turn)`,
      spread: quartiles(work.shares)
    }
  ]
})

export const telemetry: Row = { name: "telemetry", measure }
