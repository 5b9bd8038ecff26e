/** Requests at a steady rate, whatever becomes of them. */
import { Clock, Effect, Fiber, Schedule } from "effect"
import { send, type Sent } from "./onePerConnection.ts"
import type { Person } from "./TestChat.ts"

const ratePerSecond = 200

/** A machine that cannot do so much gets less, instead of a queue without end. */
const maxPending = 50

/** What somebody does, in twenty steps: reads, a session more, a turn. */
const steps = ({ session_id, token }: Person): ReadonlyArray<Sent> => {
  const headers = { authorization: `Bearer ${token}` }
  const get = (path: string): Sent => ({ method: "GET", path, headers })
  const reads = [
    get("/api/v1/users/me"),
    get("/api/v1/chat/sessions?limit=5"),
    get(`/api/v1/chat/sessions/${session_id}`)
  ]
  return [
    ...Array.from({ length: 6 }, () => reads).flat(),
    { method: "POST", path: "/api/v1/chat/sessions", headers, body: {} },
    { method: "POST", path: "/api/v1/chat", headers, body: { session_id, content: "Hello" } }
  ]
}

/** One after the other of the crowd does it all, until it is stopped; then each request has been answered. */
export const start = Effect.fnUntraced(function* (url: string, crowd: ReadonlyArray<Person>) {
  const failures: Array<string> = []
  let [sent, ok, isOver] = [0, 0, false]
  const todo = crowd.flatMap(steps)
  const one = Effect.fnUntraced(function* (next: Sent) {
    const { status, text } = yield* send(url, next)
    if (status >= 200 && status < 300) ok++
    else failures.push(`${next.method} ${next.path}: ${status} ${text}`)
  })
  const startedAt = yield* Clock.currentTimeMillis
  const due = (now: number) =>
    Math.min(((now - startedAt) / 1000) * ratePerSecond - sent, maxPending - (sent - ok - failures.length))
  const load = yield* Clock.currentTimeMillis.pipe(
    Effect.flatMap((now) =>
      Effect.forEach(Array.from({ length: Math.max(0, Math.floor(due(now))) }), () => {
        const next = todo[sent++ % todo.length]
        return next === undefined ? Effect.void : Effect.forkScoped(one(next))
      })
    ),
    Effect.repeat({ until: () => isOver, schedule: Schedule.spaced("10 millis") }),
    Effect.forkScoped
  )
  const stop = Effect.gen(function* () {
    isOver = true
    yield* Fiber.join(load)
    const answered = Effect.sync(() => ok + failures.length)
    yield* Effect.repeat(answered, { until: (count) => count === sent, schedule: Schedule.spaced("10 millis") })
    const seconds = ((yield* Clock.currentTimeMillis) - startedAt) / 1000
    return { sent, ok, failures, seconds }
  })
  return { stop }
})
