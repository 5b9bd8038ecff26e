/** How a run begins: what there is to do, and by what. */
import { DateTime, Duration, Effect, Random } from "effect"
import type { Git, Metric, Model, RunSettings } from "../Evaluation.ts"
import { Misconfigured } from "../Misconfigured.ts"
import { read } from "../Sources/dataset.ts"
import { Langfuse, windowOf } from "../Sources/Langfuse.ts"
import { forAll, type Plan } from "../Sources/Source.ts"
import type { Begun, Logged } from "./RunLog.ts"

export const ofFile = Effect.fn("Run.plan")(function* (
  kind: "dataset" | "live",
  file: string,
  metrics: ReadonlyArray<Metric>,
  limit: number | undefined
) {
  const samples = yield* read(file, kind, limit)
  return { source: { kind, description: file }, planned: forAll(samples, metrics) } satisfies Plan
})

export const ofLangfuse = Effect.fn("Run.plan")(function* (
  hours: number,
  lagMinutes: number,
  metrics: ReadonlyArray<Metric>,
  limit: number | undefined
) {
  const { lacking } = yield* Langfuse
  const window = yield* windowOf(Duration.hours(hours), Duration.minutes(lagMinutes))
  const planned = yield* lacking(window, metrics, limit)
  const minute = (time: DateTime.Utc) => DateTime.formatIso(time).slice(0, 16).replace("T", " ")
  const description = `Langfuse, ${minute(window.from)} to ${minute(window.to)} UTC`
  return { source: { kind: "langfuse", description }, planned } satisfies Plan
})

/** Sorts by time. */
export const begun = Effect.fnUntraced(function* (facts: {
  readonly plan: Plan
  readonly metrics: ReadonlyArray<Metric>
  readonly agent: Model | undefined
  readonly judge: Model
  readonly git: Git | undefined
  readonly settings: RunSettings
}): Effect.fn.Return<Begun> {
  const { agent, git, judge, metrics, plan, settings } = facts
  const startedAt = yield* DateTime.now
  const time = DateTime.formatIso(startedAt).slice(0, 19).replace(/[-:]/gu, "")
  const suffix = (yield* Random.nextIntBetween(0, 2 ** 32)).toString(16).padStart(8, "0")
  return {
    _tag: "Begun",
    format: 1,
    runId: `${time}Z-${suffix}`,
    startedAt,
    ...(git && { git }),
    source: plan.source,
    ...(agent && { agent }),
    ...(metrics.some(({ kind }) => kind === "judge") && { judge }),
    settings,
    metrics
  }
})

/** A run is resumed by what it began with: half of its scores would otherwise mean something else. */
export const same = Effect.fnUntraced(function* (
  { begun }: Logged,
  metrics: ReadonlyArray<Metric>,
  judge: Model,
  agent: Model | undefined
) {
  const differs = (what: string) =>
    new Misconfigured({ message: `Cannot resume the run ${begun.runId}: ${what}. Begin a new one.` })
  for (const before of begun.metrics) {
    const now = metrics.find(({ name }) => name === before.name)
    if (now?.hash !== before.hash) return yield* differs(`the metric ${before.name} has changed since it began`)
    if (now.judge?.model !== before.judge?.model) {
      return yield* differs(`${before.judge?.model} judged ${before.name}, and now it is ${now.judge?.model}`)
    }
  }
  if (begun.judge !== undefined && begun.judge.isOffline !== judge.isOffline) {
    return yield* differs(`${begun.judge.model} judged, and now it is ${judge.model}`)
  }
  if (begun.agent !== undefined && agent !== undefined && begun.agent.model !== agent.model) {
    return yield* differs(`${begun.agent.model} answered, and now it is ${agent.model}`)
  }
})
