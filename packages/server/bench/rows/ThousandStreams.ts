/** A thousand people who listen to `POST /chat/stream` of one process: come one after the other, and all at once. */
import { Array, Effect } from "effect"
import * as Crowd from "../Crowd.ts"
import * as Parley from "../Parley.ts"
import { Postgres } from "../Postgres.ts"
import { cpuSeconds, peakMebibytes } from "../Processes.ts"
import { atMost, type Bar, type Line, progress, type Row } from "../Row.ts"
import * as StubModel from "../StubModel.ts"
import { percentile } from "../Statistics.ts"
import { question } from "../streamedTurn.ts"

const streams = 1000
const warmUpStreams = 100
const accounts = 10

/** Half a minute: the first to come still listens when the last comes. */
const answer = { tokens: 60, betweenMillis: 500 }

interface Arrival {
  readonly name: string
  readonly apartMillis: number
  readonly together: boolean
}
const oneByOne: Arrival = { name: "arriving over 20 s", apartMillis: 20, together: false }
/** Connections are opened a little apart before: a listening socket has no room for so many that knock at once. */
const atOnce: Arrival = { name: "in the same instant", apartMillis: 2, together: true }

/** What the stub itself needs for a first token. Its answers are short here, as if nobody else listened. */
const direct = Effect.fnUntraced(function* ({ name, ...arrival }: Arrival) {
  yield* progress(`${streams} streams straight from the stub, ${name}`)
  const crowd = yield* Crowd.run
  const { baseUrl } = yield* StubModel.run({ tokens: 1, betweenMillis: 0 })
  const body = JSON.stringify({ model: "gpt-4o-mini", stream: true, messages: [{ role: "user", content: question }] })
  const { firstTokenMillis } = yield* crowd({
    ...arrival,
    knock: `${baseUrl}/models`,
    url: `${baseUrl}/chat/completions`,
    requests: Array.replicate({ headers: {}, body }, streams),
    token: '"delta":{"content":',
    end: "data: [DONE]"
  })
  return firstTokenMillis
}, Effect.scoped)

const startParley = Effect.gen(function* () {
  const crowd = yield* Crowd.run
  const { database } = yield* Postgres
  const model = yield* StubModel.run(answer)
  const { pid, url } = yield* Parley.run({ database: yield* database, modelUrl: model.baseUrl })
  const clients = yield* Effect.replicateEffect(Parley.client(url), accounts)

  /** A new session for each stream. */
  const ask = Effect.fnUntraced(function* (streams: number, { name, ...arrival }: Arrival) {
    yield* progress(`${streams} streams, ${name}`)
    const requests = yield* Effect.forEach(
      clients,
      ({ openSession, token }) =>
        Effect.replicateEffect(
          Effect.map(openSession, (session_id) => ({
            headers: { authorization: `Bearer ${token}` },
            body: JSON.stringify({ session_id, content: question })
          })),
          streams / accounts
        ),
      { concurrency: accounts }
    )
    const before = yield* cpuSeconds(pid)
    const heard = yield* crowd({
      ...arrival,
      knock: `${url}/health/live`,
      url: `${url}/api/v1/chat/stream`,
      requests: requests.flat(),
      token: "\nevent: token\n",
      end: "\nevent: done\n"
    })
    return { ...heard, cpuSeconds: (yield* cpuSeconds(pid)) - before }
  })
  return { ask, peak: peakMebibytes(pid) }
})

const seconds = (millis: number) => `${(millis / 1000).toFixed(2)} s`

const measure = Effect.gen(function* () {
  const parley = yield* startParley
  yield* progress("warming up")
  yield* parley.ask(warmUpStreams, atOnce)

  const lines = Effect.fnUntraced(function* (arrival: Arrival) {
    const theirs = yield* direct(arrival)
    const { cpuSeconds, firstTokenMillis: ours, mostAtOnce, problems } = yield* parley.ask(streams, arrival)
    if (problems.length > 0) yield* progress(`the first of ${problems.length} problems: ${problems[0]}`)
    const beyond = (p: number) => percentile(ours, p) - percentile(theirs, p)
    const allWell: Bar = { text: "all, all at once", met: problems.length === 0 && mostAtOnce === streams }
    return [
      {
        what: `${streams} streams on one process, ${arrival.name}: those that end with done`,
        measured: `${streams - problems.length} (${mostAtOnce} at once)`,
        spread: `${cpuSeconds.toFixed(1)} s of CPU`,
        bar: allWell
      },
      {
        what: `their first token, beyond the stub's own read directly, p99`,
        measured: `${seconds(beyond(0.99))} (${seconds(percentile(ours, 0.99))} against ${seconds(percentile(theirs, 0.99))})`,
        spread: `p50 ${seconds(beyond(0.5))}`,
        bar: atMost(beyond(0.99) / 1000, 2, "s")
      }
    ] satisfies ReadonlyArray<Line>
  })
  const arriving = yield* lines(oneByOne)
  const storming = yield* lines(atOnce)
  const peak = yield* parley.peak
  return [
    ...arriving,
    ...storming,
    {
      what: "the server's memory at its peak, RSS",
      measured: `${peak.toFixed(0)} MiB`,
      spread: "",
      bar: atMost(peak, 1024, "MiB")
    }
  ]
})

export const thousandStreams: Row = { name: "thousand-streams", measure }
