/** Requests per second of `GET /chat/sessions/{session_id}`, against the same handler on bare Fastify. */
import { Effect } from "effect"
import * as Load from "../Load.ts"
import * as Parley from "../Parley.ts"
import { Postgres } from "../Postgres.ts"
import { answers, freePort, start, watching } from "../Processes.ts"
import { atLeastPercent, progress, type Row } from "../Row.ts"
import { median, percent, range, ratios } from "../Statistics.ts"

const warmUpSeconds = 6
const rounds = 7
const roundSeconds = 4

const startFastify = Effect.fnUntraced(function* (database: string) {
  const port = yield* freePort
  const { pid } = yield* start("bench/fastify.ts", {
    args: ["--port", String(port), "--database", database, "--pool", String(Parley.poolSize), "--key", Parley.secretKey]
  })
  const url = `http://127.0.0.1:${port}`
  yield* answers(`${url}/health/ready`)
  return { pid, url }
})

const measure = Effect.gen(function* () {
  const { database } = yield* Postgres
  const address = yield* database
  // No turn is taken, so there is nobody to ask.
  const parley = yield* Parley.run({ database: address, modelUrl: "http://127.0.0.1:9/v1" })
  const client = yield* Parley.client(parley.url)
  const path = `/api/v1/chat/sessions/${yield* client.openSession}`
  const fastify = yield* startFastify(address)

  const load = (server: typeof fastify, seconds: number) => Load.get(server.url + path, client.token, seconds)
  const round = Effect.fnUntraced(function* (server: typeof fastify) {
    const { cpuSeconds, value } = yield* watching(server.pid, load(server, roundSeconds))
    return { perSecond: value.perSecond, perCpuSecond: value.requests / cpuSeconds }
  })
  yield* progress("warming up both servers")
  yield* load(parley, warmUpSeconds)
  yield* load(fastify, warmUpSeconds)
  const measured = yield* Effect.forEach(Array.from({ length: rounds }), (_, index) =>
    Effect.gen(function* () {
      yield* progress(`round ${index + 1} of ${rounds}`)
      return { ours: yield* round(parley), theirs: yield* round(fastify) }
    })
  )
  const of = (pick: (round: (typeof measured)[number]["ours"]) => number) => {
    const ours = measured.map((both) => pick(both.ours))
    const theirs = measured.map((both) => pick(both.theirs))
    return { ours, theirs, shares: ratios(ours, theirs), share: median(ours) / median(theirs) }
  }
  const rate = of(({ perSecond }) => perSecond)
  const work = of(({ perCpuSecond }) => perCpuSecond)
  return [
    {
      what: "authenticated GET, requests per second against the same handler on bare Fastify",
      measured: `${percent(rate.share)} (${median(rate.ours).toFixed(0)} against ${median(rate.theirs).toFixed(0)})`,
      spread: range(rate.shares, percent),
      bar: atLeastPercent(rate.share, 50)
    },
    {
      what: "the same per second of the server's own CPU",
      measured: `${percent(work.share)} (${(1e6 / median(work.ours)).toFixed(0)} against ${(1e6 / median(work.theirs)).toFixed(0)} us a request)`,
      spread: range(work.shares, percent)
    }
  ]
})

export const authenticatedGet: Row = { name: "authenticated-get", measure }
