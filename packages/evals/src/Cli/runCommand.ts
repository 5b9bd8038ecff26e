/** `evals run` */
import { Console, Context, Effect, Option, Runtime, Schema } from "effect"
import { Command } from "effect/cli"
import type { RunSettings } from "../Evaluation.ts"
import { Judge } from "../Judge/Judge.ts"
import * as Metrics from "../Metrics/Metrics.ts"
import type { Report } from "../Report/Report.ts"
import { summarise } from "../Report/summarise.ts"
import { writeReport } from "../Report/writeReport.ts"
import { carryOut } from "../Run/carryOut.ts"
import * as Plan from "../Run/plan.ts"
import { Progress } from "../Run/Progress.ts"
import * as RunLog from "../Run/RunLog.ts"
import { settings as judgeSettings } from "../settings.ts"
import { Langfuse } from "../Sources/Langfuse.ts"
import * as ask from "./ask.ts"
import * as git from "./git.ts"
import { type Choice, chosen, type Flags, flags, told } from "./options.ts"
import * as setup from "./setup.ts"
import { summary } from "./summary.ts"
import { isInteractive, progress } from "./terminal.ts"

/** All was told; the exit code is what is left to say. */
export class NotPassed extends Schema.TaggedError<NotPassed>()("NotPassed", { exitCode: Schema.Literals([1, 3]) }) {
  override readonly [Runtime.errorExitCode] = this.exitCode
  override readonly [Runtime.errorReported] = false
}

export const runCommand = Command.make("run", flags, (flags) => Effect.scoped(run(flags))).pipe(
  Command.withDescription(
    "Evaluates answers and writes a report. Exit codes: 0 passed, 1 a threshold was missed, 2 something must be mended first, 3 too many errors or nothing evaluated, 130 interrupted"
  ),
  Command.withShortDescription("Evaluate answers and write a report"),
  Command.withExamples([
    { command: "evals run --yes --dataset packages/evals/datasets/quick.jsonl", description: "A quick look" },
    { command: "evals run --source langfuse --hours 24 --max-cost-eur 1", description: "What was said today" },
    { command: "evals run --retry-errors", description: "Go on with the last run, and try again what failed" }
  ])
)

const run = Effect.fnUntraced(function* (flags: Flags) {
  const isResuming = Option.isSome(flags.resume) || flags.retryErrors
  const isAsking = isInteractive() && !flags.yes && !isResuming
  const defaults = chosen(flags)
  if (!isAsking && !isResuming) yield* Console.error(`Asks nothing: ${told(defaults, flags)}. See --help for others.`)
  const choice = isAsking ? yield* asked(flags, defaults) : { ...defaults, judge: flags.judge }
  yield* setup.withJudge(choice.judge)(isResuming ? resumed(flags) : begun(flags, choice))
})

/** A bad metric is told before anybody has answered questions. */
const asked = Effect.fnUntraced(function* (flags: Flags, defaults: Choice) {
  const metrics = yield* Metrics.load(flags.prompts, { model: "", isOffline: true })
  const choice = yield* ask.choose(flags, defaults, metrics)
  const isJudgeOpen = Option.isNone(flags.judge) && (yield* setup.isJudgeConfigured)
  const judge = isJudgeOpen
    ? Option.some(yield* ask.judge(yield* setup.mendable(judgeSettings.model.config)))
    : flags.judge
  return { ...choice, judge }
})

const begun = Effect.fnUntraced(function* (flags: Flags, choice: Choice) {
  const { dataset, hours, limit, source } = choice
  yield* setup.checked(source)
  const folders = yield* setup.folders
  const judging = yield* setup.judging(flags.noReport ? undefined : folders.cache)
  const judge = Context.get(judging, Judge).model
  const metrics = yield* Metrics.choose(yield* Metrics.load(flags.prompts, judge), choice.metrics)
  const answering = yield* setup.answering(source)
  const production = yield* setup.production(source)
  const plan =
    source === "langfuse" && production !== undefined
      ? yield* Effect.provideContext(Plan.ofLangfuse(hours, flags.lagMinutes, metrics, limit), production)
      : yield* Plan.ofFile(source === "live" ? "live" : "dataset", dataset, metrics, limit)
  const first = yield* Plan.begun({
    plan,
    metrics,
    agent: answering?.agent,
    judge,
    git: Option.getOrUndefined(yield* git.state),
    settings: settingsOf(flags)
  })
  const log = flags.noReport ? RunLog.inMemory(first) : yield* RunLog.begin(folders.runs, first)
  yield* log.append(...plan.planned.map((planned) => ({ _tag: "Planned" as const, ...planned })))
  yield* Effect.provideContext(toTheEnd(flags, log, answering, production), judging)
})

const resumed = Effect.fnUntraced(function* (flags: Flags) {
  const folders = yield* setup.folders
  const wanted = Option.getOrElse(flags.resume, () => "last")
  const runId = wanted === "last" ? yield* RunLog.latest(folders.runs) : wanted
  const log = yield* RunLog.resume(folders.runs, runId)
  const { kind } = log.logged.begun.source
  yield* setup.checked(kind)
  const judging = yield* setup.judging(folders.cache)
  const judge = Context.get(judging, Judge).model
  const answering = yield* setup.answering(kind)
  yield* Plan.same(log.logged, yield* Metrics.load(flags.prompts, judge), judge, answering?.agent)
  yield* Console.error(`Goes on with the run ${runId}.`)
  yield* Effect.provideContext(toTheEnd(flags, log, answering, yield* setup.production(kind)), judging)
})

const settingsOf = ({ concurrency, maxCostEur, maxErrors }: Flags): RunSettings => ({
  concurrency,
  maxErrors,
  ...(Option.isSome(maxCostEur) && { maxCostEur: maxCostEur.value })
})

type Answering = Effect.Success<ReturnType<typeof setup.answering>>
type Production = Effect.Success<ReturnType<typeof setup.production>>

const toTheEnd = Effect.fnUntraced(function* (
  flags: Flags,
  log: RunLog.RunLog,
  answering: Answering,
  production: Production
) {
  const { run, unsent } = yield* carryOut({
    log,
    settings: settingsOf(flags),
    retryErrors: flags.retryErrors,
    answer: answering?.answer,
    send: production === undefined || flags.noScores ? undefined : Context.get(production, Langfuse).send
  }).pipe(
    Effect.provideService(Progress, progress()),
    Effect.onInterrupt(() => interrupted(log))
  )
  const report = summarise(run, { includeContent: flags.includeContent })
  for (const line of summary(report)) yield* Console.log(line)
  if (unsent !== undefined) {
    yield* Console.error(`Some scores are not in Langfuse yet: ${unsent.message}. Run with --resume to send them.`)
  }
  if (!flags.noReport) yield* written(report, flags.reports)
  const { exitCode } = report.gate
  if (exitCode !== 0) return yield* new NotPassed({ exitCode })
})

const written = Effect.fnUntraced(function* (report: Report, folder: string) {
  const paths = yield* setup.mendable(writeReport(report, folder))
  yield* Console.log(`\nReport: ${paths.json}\n        ${paths.markdown}\n        ${paths.html}`)
})

const interrupted = ({ file, logged }: RunLog.RunLog) => {
  const all = [...logged.planned.values()].reduce((sum, { metrics }) => sum + metrics.length, 0)
  const samples = [...logged.planned.values()]
  const answered = samples.filter(({ sample }) => sample.output !== undefined).length
  const answers = logged.begun.source.kind === "live" ? `${answered} of ${samples.length} answers and ` : ""
  const done = `${answers}${logged.results.size} of ${all} evaluations are done`
  return Console.error(
    file === undefined
      ? `\nInterrupted: ${done}. Nothing was kept, because of --no-report.`
      : `\nInterrupted: ${done} and kept. Go on with: make eval ARGS=--resume=${logged.begun.runId}`
  )
}
