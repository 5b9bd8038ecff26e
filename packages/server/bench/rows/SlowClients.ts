/** What ten thousand connections that ask for nothing, or slowly, do to those who ask, and when they are closed. */
import { Clock, Effect, Schedule } from "effect"
import { Agent, request } from "node:http"
import { connect, type Socket } from "node:net"
import * as Parley from "../Parley.ts"
import { Postgres } from "../Postgres.ts"
import { atMost, type Line, progress, type Row } from "../Row.ts"
import { percentile } from "../Statistics.ts"

const connections = 10_000
const seconds = 6

/** What they begin with, and go on with, a byte a second. */
const kinds = [
  { name: "silent", begin: "", drip: "" },
  { name: "with slow headers", begin: "GET / HTTP/1.1\r\nHost: parley\r\n", drip: "x" },
  {
    name: "with a slow body",
    begin:
      "POST /api/v1/auth/login HTTP/1.1\r\nHost: parley\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n",
    drip: " "
  }
] as const

const millis = (value: number) => `${value.toFixed(1)} ms`

const open = (port: number, begin: string) =>
  Effect.gen(function* () {
    const sockets: Array<Socket> = []
    const openedAt = yield* Clock.currentTimeMillis
    yield* Effect.addFinalizer(() => Effect.sync(() => sockets.forEach((socket) => socket.destroy())))
    for (let count = 0; count < connections; count++) {
      const socket = connect(port, "127.0.0.1", () => socket.write(begin)).on("error", () => {})
      sockets.push(socket.resume())
      if (count % 200 === 199) yield* Effect.sleep("20 millis")
    }
    return { sockets, openedAt }
  })

const measure = Effect.gen(function* () {
  const { database } = yield* Postgres
  const parley = yield* Parley.run({ database: yield* database, modelUrl: "http://127.0.0.1:9/v1" })
  const client = yield* Parley.client(parley.url)
  const url = `${parley.url}/api/v1/chat/sessions/${yield* client.openSession}`
  const port = Number(new URL(url).port)
  const agent = yield* Effect.acquireRelease(
    Effect.sync(() => new Agent({ keepAlive: true })),
    (agent) => Effect.sync(() => agent.destroy())
  )

  const get = Effect.callback<void>((resume) => {
    request(url, { agent, headers: { authorization: `Bearer ${client.token}` } }, (response) =>
      response.resume().on("end", () => resume(response.statusCode === 200 ? Effect.void : Effect.die("refused")))
    )
      .on("error", (error) => resume(Effect.die(error)))
      .end()
  })
  const timed = Effect.gen(function* () {
    const before = yield* Clock.currentTimeNanos
    yield* get
    return Number((yield* Clock.currentTimeNanos) - before) / 1e6
  })
  /** Four people who ask about 150 times a second each. */
  const p99 = Effect.gen(function* () {
    const taken: Array<number> = []
    const lane = Effect.tap(timed, (took) => Effect.sync(() => taken.push(took)))
    yield* Effect.repeat(lane, Schedule.upTo(Schedule.spaced("5 millis"), { duration: `${seconds} seconds` })).pipe(
      (one) => Effect.replicateEffect(one, 4, { concurrency: "unbounded" })
    )
    return percentile(taken, 0.99)
  })

  yield* progress("warming up")
  yield* p99
  const alone = yield* p99
  const lines: Array<Line> = []
  for (const { begin, drip, name } of kinds) {
    yield* progress(`${connections} connections, ${name}`)
    const line = yield* Effect.gen(function* () {
      const { openedAt, sockets } = yield* open(port, begin)
      const left = () => sockets.filter((socket) => !socket.closed)
      yield* Effect.sync(() => drip !== "" && left().forEach((socket) => socket.write(drip))).pipe(
        Effect.repeat(Schedule.spaced("1 second")),
        Effect.forkScoped
      )
      const meanwhile = yield* p99
      yield* Effect.repeat(Effect.sleep("100 millis"), { until: () => left().length === 0 })
      const closedAfter = ((yield* Clock.currentTimeMillis) - openedAt) / 1000
      return {
        what: `${connections} connections ${name}: p99 of a GET meanwhile, against without them`,
        measured: `${(meanwhile / alone).toFixed(1)}x (${millis(meanwhile)} against ${millis(alone)})`,
        spread: `all closed after ${closedAfter.toFixed(1)} s`,
        bar: atMost(meanwhile / alone, 2, "x")
      }
    }).pipe(Effect.scoped)
    lines.push(line)
  }
  return lines
})

export const slowClients: Row = { name: "slow-clients", measure }
