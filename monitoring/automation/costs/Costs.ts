/** What a time has cost, read from the database and from Prometheus, each of which may be away. */
import { DateTime, Effect, Predicate, Result, Schema } from "effect"
import * as q from "../../grafana/queries.ts"
import { Prometheus } from "../Prometheus.ts"
import * as Database from "../Sql/Database.ts"
import * as Watched from "../watched.ts"
import * as CostsRepo from "./CostsRepo.ts"
import * as findings from "./findings.ts"
import * as prices from "./prices.ts"
import { settings } from "./settings.ts"
import type { Window } from "./window.ts"

export const Report = Schema.Struct({
  start: Schema.String,
  end: Schema.String,
  days: Schema.Finite,
  monthFactor: Schema.Finite,
  targetEur: Schema.Finite,
  limitEur: Schema.Finite,
  /** Null where there is no data, here and below. */
  totalEur: Schema.NullOr(Schema.Finite),
  monthEur: Schema.NullOr(Schema.Finite),
  models: Schema.NullOr(
    Schema.Array(
      Schema.Struct({
        model: Schema.String,
        calls: Schema.Finite,
        inputTokens: Schema.Finite,
        outputTokens: Schema.Finite,
        costEur: Schema.Finite,
        /** Of turns that left no answer. */
        unansweredEur: Schema.Finite
      })
    )
  ),
  /** When Prometheus began to watch Parley, if that was later than the start; null also where it never did. */
  watchedSince: Schema.NullOr(Schema.String),
  /** From Prometheus; `not counted` is what the database has beyond it. */
  kinds: Schema.NullOr(Schema.Array(Schema.Struct({ kind: Schema.String, costEur: Schema.Finite }))),
  /** An estimate: as if all answered turns cost the same. */
  routes: Schema.NullOr(
    Schema.Array(Schema.Struct({ route: Schema.String, turns: Schema.Finite, costEur: Schema.Finite }))
  ),
  people: Schema.NullOr(Schema.Finite),
  /** The most expensive ones. */
  users: Schema.NullOr(
    Schema.Array(
      Schema.Struct({
        pseudonym: Schema.String,
        calls: Schema.Finite,
        costEur: Schema.Finite,
        monthEur: Schema.Finite
      })
    )
  ),
  findings: Schema.Array(findings.Finding),
  missing: Schema.Array(Schema.Struct({ what: Schema.String, reason: Schema.String }))
})
export type Report = typeof Report.Type

const cost = "llm_cost_euros_total"
/** Completions are turns as well. */
const routes: Readonly<Record<string, string>> = {
  json: "POST /api/v1/chat, /v1/chat/completions",
  stream: "POST /api/v1/chat/stream, /v1/chat/completions as a stream"
}

/** What only Prometheus knows: what money was spent on, and by which route turns came. */
const counted = Effect.fnUntraced(function* ({ end, start }: Window) {
  const prometheus = yield* Prometheus
  const seconds = Math.max(60, Math.round((DateTime.toEpochMillis(end) - DateTime.toEpochMillis(start)) / 1000))
  const over = (metric: string, selector: string, by: string) =>
    Effect.map(prometheus.instant(q.counts(metric, selector, by, seconds), end), (series) =>
      series.flatMap(({ labels, value }) => {
        const name = labels[by]
        return name === undefined || !Number.isFinite(value) ? [] : [{ name, value }]
      })
    )
  const watched = yield* Watched.between(start, end)
  return {
    watchedSince: Predicate.isString(watched) ? null : DateTime.formatIso(watched),
    kinds: yield* over(cost, "", "kind"),
    modes: yield* over("chat_turn_duration_seconds_count", `outcome="answered"`, "mode")
  }
})

interface Counted {
  readonly name: string
  readonly value: number
}
const sum = (all: ReadonlyArray<Counted>) => all.reduce((total, { value }) => total + value, 0)
const dearestFirst = (a: { readonly costEur: number }, b: { readonly costEur: number }) => b.costEur - a.costEur

/** Of less nobody would ask. */
const leastShare = 0.01

const byKind = (kinds: ReadonlyArray<Counted>, totalEur: number | null) => {
  if (kinds.length === 0) return null
  const rest = (totalEur ?? 0) - sum(kinds)
  return [
    ...kinds.map(({ name, value }) => ({ kind: name, costEur: value })).toSorted(dearestFirst),
    ...(rest > leastShare * (totalEur ?? 0) ? [{ kind: "not counted", costEur: rest }] : [])
  ]
}

const byRoute = (modes: ReadonlyArray<Counted>, spentEur: number) => {
  const turns = sum(modes)
  return turns === 0
    ? null
    : modes
        .map(({ name, value }) => ({ route: routes[name] ?? name, turns: value, costEur: spentEur * (value / turns) }))
        .toSorted(dearestFirst)
}

const nothing: CostsRepo.Usage = {
  calls: [],
  contexts: [],
  failed: { turns: 0, costEur: 0, stormSessions: 0, stormTurns: 0, stormEur: 0 },
  people: []
}

const byModel = (calls: ReadonlyArray<CostsRepo.Calls>) =>
  [...Map.groupBy(calls, ({ model }) => model)]
    .map(([model, all]) => {
      const sum = (of: (one: CostsRepo.Calls) => number) => all.reduce((total, one) => total + of(one), 0)
      return {
        model,
        calls: sum((one) => one.calls),
        inputTokens: sum((one) => one.inputTokens),
        outputTokens: sum((one) => one.outputTokens),
        costEur: sum((one) => one.costEur),
        unansweredEur: sum((one) => (one.unanswered ? one.costEur : 0))
      }
    })
    .toSorted((a, b) => b.costEur - a.costEur || a.model.localeCompare(b.model))

export const read = Effect.fn("costs.read")(function* (window: Window) {
  const { limitEur, targetEur } = yield* settings
  const { days, end, monthFactor, start } = window
  const users: CostsRepo.Users = { monthFactor, targetEur, limitEur }
  const times = { start: DateTime.formatIso(start), end: DateTime.formatIso(end) }
  const [database, prometheus, table] = yield* Effect.all(
    [
      Effect.result(Database.read((sql) => CostsRepo.read(sql, times, users))),
      Effect.result(counted(window)),
      Effect.result(prices.read)
    ],
    { concurrency: 3 }
  )
  const missing = [
    ...Result.match(database, {
      onFailure: ({ message }) => [{ what: "models, users and all findings but retried calls", reason: message }],
      onSuccess: () => []
    }),
    ...Result.match(prometheus, {
      onFailure: ({ message }) => [{ what: "what it was spent on, routes and retried calls", reason: message }],
      onSuccess: () => []
    }),
    ...Result.match(table, {
      onFailure: ({ message }) => [{ what: "long contexts and cheaper models", reason: message }],
      onSuccess: () => []
    })
  ]
  const usage = Result.getOrElse(database, () => nothing)
  const known = Result.getOrElse(prometheus, () => ({ watchedSince: null, kinds: [], modes: [] }))
  const models = usage.calls.length === 0 ? null : byModel(usage.calls)
  const totalEur = models === null ? null : models.reduce((total, { costEur }) => total + costEur, 0)
  const report: Report = {
    ...times,
    days,
    monthFactor,
    targetEur,
    limitEur,
    totalEur,
    monthEur: totalEur === null ? null : totalEur * monthFactor,
    models,
    watchedSince: known.watchedSince,
    kinds: byKind(known.kinds, totalEur),
    routes: byRoute(known.modes, totalEur ?? sum(known.kinds)),
    people: usage.people[0]?.people ?? null,
    users:
      models === null
        ? null
        : usage.people.map(({ calls, costEur, monthEur, pseudonym }) => ({ pseudonym, calls, costEur, monthEur })),
    findings: findings.of({
      usage,
      users,
      prices: Result.getOrUndefined(table),
      retriedEur: known.kinds.find(({ name }) => name === "retried")?.value
    }),
    missing
  }
  return report
})
