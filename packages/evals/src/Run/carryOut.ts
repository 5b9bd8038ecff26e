/** Does what is left of a run: answers, evaluations, scores. Whatever ends it, what is done is in its log. */
import { DateTime, Deferred, Effect, Option } from "effect"
import type { Result, Run, RunSettings, Sample, Stopped } from "../Evaluation.ts"
import type { LangfuseFailed } from "../Sources/langfuseTraces.ts"
import { evaluate } from "./evaluate.ts"
import { Progress } from "./Progress.ts"
import { type Logged, pairOf, type RunLog } from "./RunLog.ts"

export interface Work<R1, R2> {
  readonly log: RunLog
  readonly settings: RunSettings
  /** Answers that failed are asked for again, evaluations done again. */
  readonly retryErrors: boolean
  /** Of the source `live`. */
  readonly answer: ((question: Sample) => Effect.Effect<Sample, never, R1>) | undefined
  /** Of the source `langfuse`. */
  readonly send:
    | ((sample: Sample, metric: Run["metrics"][number], result: Result) => Effect.Effect<void, LangfuseFailed, R2>)
    | undefined
}

export const carryOut = Effect.fn("Run.carryOut")(function* <R1, R2>({
  answer,
  log,
  retryErrors,
  send,
  settings
}: Work<R1, R2>) {
  const { logged } = log
  const { concurrency, maxCostEur, maxErrors } = settings
  const stop = yield* Deferred.make<Stopped>()
  const { begin, end, step } = yield* Progress
  let errors = 0
  let spent = spentOf(logged)
  let dearest = 0
  let open = 0

  /** For everything that may fail or cost something. */
  const within = <A extends { readonly costEur?: number | undefined; readonly error?: unknown }, R>(
    work: Effect.Effect<A, never, R>
  ) =>
    Effect.gen(function* () {
      // What is under way will cost something too.
      if (maxCostEur !== undefined && spent + (open + 1) * dearest > maxCostEur) {
        yield* Deferred.succeed(stop, "too expensive")
        return yield* Effect.never
      }
      open++
      const done = yield* Effect.ensuring(
        work,
        Effect.sync(() => void open--)
      )
      spent += done.costEur ?? 0
      dearest = Math.max(dearest, done.costEur ?? 0)
      return done
    })
  const failed = Effect.suspend(() => (++errors >= maxErrors ? Deferred.succeed(stop, "too many errors") : Effect.void))

  const phase = <A, E, R>(title: string, work: ReadonlyArray<A>, each: (item: A) => Effect.Effect<void, E, R>) =>
    work.length === 0
      ? Effect.void
      : begin(title, work.length).pipe(
          Effect.andThen(Effect.forEach(work, each, { concurrency, discard: true })),
          Effect.ensuring(end)
        )

  const answers = Effect.suspend(() =>
    phase("Answering", answer === undefined ? [] : questions(logged, retryErrors), ({ error: _, ...question }) =>
      Effect.gen(function* () {
        if (answer === undefined) return
        const sample = yield* within(answer(question))
        yield* log.append({ _tag: "Answered", sample })
        if (sample.error !== undefined) yield* failed
        yield* step({ isError: sample.error !== undefined, isCached: false })
      })
    )
  )

  const evaluations = Effect.suspend(() =>
    phase("Evaluating", pairs(logged, retryErrors), ({ metric, sample }) =>
      Effect.gen(function* () {
        const result = yield* within(evaluate(sample, metric))
        yield* log.append({ _tag: "Evaluated", result })
        // That there was no answer was counted when it failed.
        if (result.error !== undefined && sample.error === undefined) yield* failed
        yield* step({ isError: result.error !== undefined, isCached: result.isCached })
      })
    )
  )

  let unsent: LangfuseFailed | undefined
  const scores = Effect.suspend(() =>
    phase("Sending scores", send === undefined ? [] : unsentOf(logged), ({ metric, result, sample }) =>
      Effect.gen(function* () {
        if (send === undefined) return
        const sent = yield* Effect.result(send(sample, metric, result))
        if (sent._tag === "Success") yield* log.append({ _tag: "Sent", sampleId: sample.id, metric: metric.name })
        else unsent = sent.failure
        yield* step({ isError: sent._tag === "Failure", isCached: false })
      })
    )
  )

  const stopped = yield* Effect.raceFirst(
    Effect.asSome(Deferred.await(stop)),
    Effect.as(Effect.andThen(answers, evaluations), Option.none())
  )
  // What was paid for is sent, also of a run that was stopped.
  yield* scores
  const finishedAt = yield* DateTime.now
  const reason = Option.getOrUndefined(stopped)
  yield* log.append({ _tag: "Ended", finishedAt, ...(reason && { stopped: reason }) })
  return { run: runOf(logged, finishedAt, reason), unsent }
})

export const runOf = (logged: Logged, finishedAt: DateTime.Utc, stopped?: Stopped): Run => {
  const { _tag: _, format: __, ...begun } = logged.begun
  return {
    ...begun,
    finishedAt,
    samples: [...logged.planned.values()].map(({ sample }) => sample),
    planned: [...logged.planned.values()].reduce((sum, { metrics }) => sum + metrics.length, 0),
    results: [...logged.results.values()],
    ...(stopped && { stopped })
  }
}

const spentOf = ({ planned, results }: Logged): number =>
  [...results.values(), ...[...planned.values()].map(({ sample }) => ({ costEur: answeredCost(sample) }))].reduce(
    (sum, { costEur }) => sum + costEur,
    0
  )

/** Only what the agent was asked for here was paid for here. */
const answeredCost = ({ costEur, source }: Sample): number => (source === "live" ? (costEur ?? 0) : 0)

const questions = ({ planned }: Logged, retryErrors: boolean): ReadonlyArray<Sample> =>
  [...planned.values()].flatMap(({ sample }) =>
    sample.output === undefined && (sample.error === undefined || retryErrors) ? [sample] : []
  )

const pairs = ({ begun, planned, results }: Logged, retryErrors: boolean) => {
  const metrics = new Map(begun.metrics.map((metric) => [metric.name, metric]))
  return [...planned.values()].flatMap(({ metrics: names, sample }) =>
    names.flatMap((name) => {
      const metric = metrics.get(name)
      const before = results.get(pairOf(sample.id, name))
      const isDone = before !== undefined && (before.error === undefined || !retryErrors)
      return metric === undefined || isDone ? [] : [{ metric, sample }]
    })
  )
}

const unsentOf = ({ begun, planned, results, sent }: Logged) =>
  [...results].flatMap(([pair, result]) => {
    const sample = planned.get(result.sampleId)?.sample
    const metric = begun.metrics.find(({ name }) => name === result.metric)
    return sample === undefined || metric === undefined || result.score === undefined || sent.has(pair)
      ? []
      : [{ sample, metric, result }]
  })
