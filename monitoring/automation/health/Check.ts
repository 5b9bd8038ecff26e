/** What is looked at, what was seen, and what to do about it. */
import { Cause, DateTime, Duration, Effect, type FileSystem, Predicate, Schema } from "effect"
import type { HttpClient } from "effect/http"
import { AnswerWithin, NotAnswered, shortened } from "../Asked.ts"
import { plain } from "../Paint.ts"
import { Prometheus } from "../Prometheus.ts"
import * as Script from "../Script.ts"

export const Finding = Schema.Struct({
  check: Schema.String,
  state: Script.State,
  seen: Schema.String,
  /** Empty where there is nothing to do. */
  todo: Schema.String
})
export type Finding = typeof Finding.Type

/** Without its name: the check has one. */
export type Seen = Omit<Finding, "check">

export const ok = (seen: string): Seen => ({ state: "ok", seen, todo: "" })
export const warning = (seen: string, todo: string): Seen => ({ state: "warning", seen, todo })
export const critical = (seen: string, todo: string): Seen => ({ state: "critical", seen, todo })

/** By then it has scraped everything, evaluated all rules, and told Alertmanager. */
const beginning = Duration.minutes(1)

/** What is missing, unless Prometheus has just started and cannot have it. */
export const unlessTooEarly = Effect.fnUntraced(function* (missing: Seen) {
  const startedAt = yield* (yield* Prometheus).startedAt
  const now = yield* DateTime.now
  return Duration.isLessThan(DateTime.distance(startedAt, now), beginning)
    ? warning("too early to tell: Prometheus has just started", "look again in a minute")
    : missing
})

export const prometheusTodo = "make monitoring-start, and is PROMETHEUS_URL right?"

export const runbook = (anchor: string) => `monitoring/RUNBOOKS.md#${anchor}`

/** What checks may ask. */
export type Asks = Prometheus | HttpClient.HttpClient | FileSystem.FileSystem

export interface Check {
  readonly name: string
  /** What to do when it fails altogether. */
  readonly todo: string
  readonly look: Effect.Effect<Seen | ReadonlyArray<Seen>, unknown, Asks>
}

/** One answer, and one check: together they stay under ten seconds, whatever hangs. */
const answerWithin = "3 seconds"
const checkWithin = "8 seconds"

const messageOf = (cause: Cause.Cause<unknown>) => {
  const error = Cause.squash(cause)
  return error instanceof Error && Predicate.hasProperty(error, "_tag") ? error.message : Cause.pretty(cause)
}

/** A check may ask two servers: what is to be done is about the one that did not answer. */
const todoOf = Effect.fnUntraced(function* (cause: Cause.Cause<unknown>, todo: string) {
  const error = Cause.squash(cause)
  return error instanceof NotAnswered && error.url === (yield* Prometheus).url ? prometheusTodo : todo
})

const isList = (seen: Seen | ReadonlyArray<Seen>): seen is ReadonlyArray<Seen> => Array.isArray(seen)

const findings = ({ look, name, todo }: Check): Effect.Effect<ReadonlyArray<Finding>, never, Asks> =>
  look.pipe(
    Effect.timeoutOrElse({
      duration: checkWithin,
      orElse: () => Effect.succeed(critical("no answer within 8 s", todo))
    }),
    Effect.catchCause((cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.interrupt
        : Effect.map(todoOf(cause, todo), (todo) => critical(shortened(messageOf(cause)), todo))
    ),
    Effect.map((seen) => (isList(seen) ? seen : [seen]).map((one) => ({ check: name, ...one, seen: plain(one.seen) })))
  )

/** All at the same time; the answers in the order of the checks. */
export const look = (checks: ReadonlyArray<Check>) =>
  Effect.forEach(checks, findings, { concurrency: "unbounded" }).pipe(
    Effect.map((all) => all.flat()),
    Effect.provideService(AnswerWithin, answerWithin)
  )
