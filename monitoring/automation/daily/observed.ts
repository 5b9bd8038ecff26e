/** What the database and Prometheus know of a day and of those before it. Each may be away; then the rest is told. */
import { DateTime, Effect, Option, Result } from "effect"
import * as q from "../../grafana/queries.ts"
import * as Day from "../Day.ts"
import { Prometheus } from "../Prometheus.ts"
import * as Database from "../Sql/Database.ts"
import * as Watched from "../watched.ts"
import * as Alerts from "./alerts.ts"
import * as DailyRepo from "./DailyRepo.ts"
import type { Name } from "./measures.ts"
import { changesOf, daysBefore, linesOf, type Observed, type Report } from "./Report.ts"

type Values = ReadonlyArray<number | null>

const unknown: Values = Array.from({ length: daysBefore + 1 }, () => null)

/**
 * A value for each day. Days without rows count nothing, from the first day on that there was something to count; before
 * that nobody knows.
 */
export const counted = <Row extends { readonly date: string }>(
  days: ReadonlyArray<string>,
  rows: ReadonlyArray<Row>,
  isKnownBefore: boolean
) => {
  const byDay = new Map(rows.map((row) => [row.date, row]))
  const first = isKnownBefore ? 0 : days.findIndex((day) => byDay.has(day))
  return (of: (row: Row) => number): Values =>
    days.map((day, index) => {
      const row = byDay.get(day)
      if (row !== undefined) return of(row)
      return first === -1 || index < first ? null : 0
    })
}

const divided = (dividends: Values, divisors: Values): Values =>
  dividends.map((dividend, index) => {
    const divisor = divisors[index] ?? null
    return dividend === null || divisor === null || divisor === 0 ? null : dividend / divisor
  })

const added = (some: Values, others: Values): Values =>
  some.map((one, index) => {
    const other = others[index] ?? null
    return one === null || other === null ? null : one + other
  })

const fromDatabase = (days: ReadonlyArray<string>, { before, payments, usage }: DailyRepo.Read) => {
  const used = counted(days, usage, before.usage)
  const paid = counted(days, payments, before.payments)
  const [users, cost] = [used((row) => row.users), used(({ costEur }) => costEur)]
  const [succeeded, failed] = [paid((row) => row.succeeded), paid((row) => row.failed)]
  return {
    turns: used(({ turns }) => turns),
    users_active: users,
    cost,
    cost_per_user: divided(cost, users),
    payments_succeeded: succeeded,
    payments_failed: failed,
    payment_rate: divided(succeeded, added(succeeded, failed)),
    payment_amount: paid(({ euros }) => euros)
  }
}

const requests = "http_server_request_duration_seconds_count"
/** Chat waits for a model, and has a line of its own. */
const quick = `${q.api}, http_route!~"/api/v1/chat(/stream)?|/v1/chat/completions"`
/** What a gauge was in the last hour of a day: at its last moment Prometheus may just have been restarted. */
const last = (metric: string, selector = "") => `max(last_over_time(${metric}{${selector}}[1h]) >= 0)`

const expressions = (seconds: number) =>
  ({
    arr: last("revenue_arr_euros"),
    cost_per_user_month: last("llm_cost_per_active_user_euros", `stat="avg"`),
    requests: q.counts(requests, q.api, "", seconds),
    latency_p95: q.quantileFromFirst(0.95, "http_server_request_duration_seconds", quick, seconds),
    turn_p95: q.quantileFromFirst(0.95, "chat_turn_duration_seconds", `outcome="answered"`, seconds),
    error_rate: q.share(
      q.counts(requests, `${q.api}, http_response_status_code=~"5.."`, "", seconds),
      q.counts(requests, q.api, "", seconds)
    )
  }) satisfies Partial<Record<Name, string>>
type Asked = keyof ReturnType<typeof expressions>

/** What was measured at midnight is of the day that begins, and Prometheus would count it to both. */
const justBefore = (moment: DateTime.Utc) => DateTime.subtract(moment, { seconds: 1 })

const fromPrometheus = Effect.fnUntraced(function* (day: Day.Day, until: DateTime.Utc) {
  const prometheus = yield* Prometheus
  const ends = Array.from({ length: daysBefore }, (_, index) => justBefore(Day.plus(day, index + 1 - daysBefore).start))
  const seconds = Math.max(60, Math.round((DateTime.toEpochMillis(until) - DateTime.toEpochMillis(day.start)) / 1000))
  const [whole, own] = [expressions(86_400), expressions(seconds)]
  const values = Effect.fnUntraced(function* (name: Asked) {
    const [before] = yield* prometheus.range(whole[name], {
      start: justBefore(Day.plus(day, 1 - daysBefore).start),
      end: justBefore(day.start),
      step: "1 day"
    })
    const found = new Map(before?.points)
    const value = (millis: number) => {
      const one = found.get(millis)
      return one === undefined || !Number.isFinite(one) ? null : one
    }
    const today = yield* prometheus.value(own[name], justBefore(until))
    return [...ends.map((end) => value(DateTime.toEpochMillis(end))), Option.getOrNull(today)]
  })
  const series = yield* Effect.all(
    {
      arr: values("arr"),
      cost_per_user_month: values("cost_per_user_month"),
      requests: values("requests"),
      latency_p95: values("latency_p95"),
      turn_p95: values("turn_p95"),
      error_rate: values("error_rate")
    },
    { concurrency: 3 }
  )
  const alerts = yield* Alerts.fired(day.start, justBefore(until))
  return { series, alerts, watched: yield* Watched.between(day.start, until) }
})

const unwatched = (watched: Watched.Watched) => {
  const what = "requests, latency, errors and alerts"
  if (watched === "whole") return []
  return watched === "nothing"
    ? [{ what, reason: "Prometheus has no data of that day: it did not watch Parley, or has forgotten" }]
    : [
        {
          what: `${what} of a part of the day`,
          reason: `Prometheus has data of Parley since ${Watched.minute(watched)}`
        }
      ]
}

/** Where nobody has ever subscribed the server says 0, which is no revenue that went away. */
const orNothing = (values: Values): Values =>
  values.every((value) => value === null || value === 0) ? unknown : values

export const read = Effect.fn("daily.read")(function* (day: Day.Day) {
  const now = yield* DateTime.now
  const until = DateTime.min(day.end, now)
  const isOver = DateTime.isLessThanOrEqualTo(day.end, now)
  const days = Array.from({ length: daysBefore + 1 }, (_, index) => Day.plus(day, index - daysBefore).name)
  const start = DateTime.formatIso(Day.plus(day, -daysBefore).start)
  const [database, prometheus] = yield* Effect.all(
    [
      Effect.result(Database.read((sql) => DailyRepo.read(sql, start, DateTime.formatIso(until)))),
      Effect.result(fromPrometheus(day, until))
    ],
    { concurrency: 2 }
  )
  const nothing: Observed = {
    arr: unknown,
    payments_succeeded: unknown,
    payments_failed: unknown,
    payment_rate: unknown,
    payment_amount: unknown,
    users_active: unknown,
    turns: unknown,
    cost: unknown,
    cost_per_user: unknown,
    cost_per_user_month: unknown,
    requests: unknown,
    latency_p95: unknown,
    turn_p95: unknown,
    error_rate: unknown
  }
  const series = Result.match(prometheus, { onFailure: () => ({}), onSuccess: ({ series }) => series })
  const observed: Observed = {
    ...nothing,
    ...series,
    ...Result.match(database, { onFailure: () => ({}), onSuccess: (found) => fromDatabase(days, found) })
  }
  // The database knows only what revenue is now, which is as good for a day that has just ended.
  const isRecent = Day.plus(day, 1).name >= Day.of(now).name
  const arrNow = isRecent ? Result.match(database, { onFailure: () => null, onSuccess: ({ arrEur }) => arrEur }) : null
  const arr = orNothing([...observed.arr.slice(0, -1), observed.arr.at(-1) ?? arrNow])
  const lines = linesOf({ ...observed, arr })
  const report: Report = {
    date: day.name,
    isOver,
    days,
    lines,
    changes: isOver ? changesOf(lines) : [],
    alerts: Result.match(prometheus, { onFailure: () => null, onSuccess: ({ alerts }) => alerts }),
    missing: [
      ...Result.match(database, {
        onFailure: ({ message }) => [{ what: "payments, users, turns and what they cost", reason: message }],
        onSuccess: () => []
      }),
      ...Result.match(prometheus, {
        onFailure: ({ message }) => [
          { what: "revenue of the past, requests, latency, errors and alerts", reason: message }
        ],
        onSuccess: ({ watched }) => unwatched(watched)
      })
    ]
  }
  return report
})
