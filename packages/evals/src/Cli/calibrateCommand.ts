/** `evals calibrate` */
import { Console, Context, Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { agreement } from "../Calibrate/agreement.ts"
import { told } from "../Calibrate/told.ts"
import { Judge } from "../Judge/Judge.ts"
import * as Metrics from "../Metrics/Metrics.ts"
import { Misconfigured } from "../Misconfigured.ts"
import { carryOut } from "../Run/carryOut.ts"
import * as Plan from "../Run/plan.ts"
import { Progress } from "../Run/Progress.ts"
import * as RunLog from "../Run/RunLog.ts"
import { readLabelled } from "../Sources/dataset.ts"
import { flags } from "./options.ts"
import * as places from "./places.ts"
import { NotPassed } from "./runCommand.ts"
import * as setup from "./setup.ts"
import { progress } from "./terminal.ts"

const { concurrency, judge, maxErrors, prompts } = flags

export const calibrateCommand = Command.make(
  "calibrate",
  {
    dataset: Flag.String("dataset").pipe(
      Flag.withDescription("A file of answers with labels"),
      Flag.withDefault(`${places.datasets}/calibration.jsonl`)
    ),
    concurrency,
    judge,
    maxErrors,
    prompts
  },
  (given) => Effect.scoped(setup.withJudge(given.judge)(calibrate(given)))
).pipe(Command.withDescription("Tells how far the judge agrees with people, on answers that they have labelled"))

const calibrate = Effect.fnUntraced(function* (given: {
  readonly dataset: string
  readonly concurrency: number
  readonly maxErrors: number
  readonly prompts: string
}) {
  yield* setup.checked("dataset")
  const labelled = yield* readLabelled(given.dataset)
  const judging = yield* setup.judging((yield* setup.folders).cache)
  const judge = Context.get(judging, Judge).model
  const isLabelled = (name: string) => labelled.some(({ labels }) => labels[name] !== undefined)
  const metrics = (yield* Metrics.load(given.prompts, judge)).filter(
    ({ kind, name }) => kind === "judge" && isLabelled(name)
  )
  if (metrics.length === 0) {
    return yield* new Misconfigured({ message: `${given.dataset} has no labels of a metric that is judged` })
  }
  const settings = { concurrency: given.concurrency, maxErrors: given.maxErrors }
  const planned = labelled.map(({ labels, sample }) => ({
    sample,
    metrics: metrics.flatMap(({ name }) => (labels[name] === undefined ? [] : [name]))
  }))
  const plan = { source: { kind: "dataset" as const, description: given.dataset }, planned }
  const begun = yield* Plan.begun({ plan, metrics, agent: undefined, judge, git: undefined, settings })
  const log = RunLog.inMemory(begun)
  yield* log.append(...planned.map((one) => ({ _tag: "Planned" as const, ...one })))
  const { run } = yield* carryOut<never, never>({
    log,
    settings,
    retryErrors: false,
    answer: undefined,
    send: undefined
  }).pipe(Effect.provideContext(judging), Effect.provideService(Progress, progress()))
  const scores = new Map(run.results.map(({ metric, sampleId, score }) => [RunLog.pairOf(sampleId, metric), score]))
  const agreements = metrics.map((metric) =>
    agreement(
      metric,
      labelled.flatMap(({ labels, sample }) => {
        const human = labels[metric.name]
        const judged = scores.get(RunLog.pairOf(sample.id, metric.name))
        return human === undefined ? [] : [{ id: sample.id, group: sample.group, human, judge: judged }]
      })
    )
  )
  for (const line of told(agreements, judge)) yield* Console.log(line)
  if (run.stopped !== undefined) {
    const why = run.results.find(({ error }) => error !== undefined)?.error?.message ?? run.stopped
    yield* Console.error(`\nThe judge failed too often: ${why}`)
    return yield* new NotPassed({ exitCode: 3 })
  }
})
