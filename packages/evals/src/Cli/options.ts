/** What `evals run` can be told. What is not told is asked on a terminal, and has a default elsewhere. */
import { Option, Schema } from "effect"
import { type Command, Flag } from "effect/cli"
import * as places from "./places.ts"

const Positive = Schema.Int.check(Schema.isGreaterThan(0, { message: "must be a whole number above 0" }))
const Amount = Schema.Finite.check(Schema.isGreaterThan(0, { message: "must be a number above 0" }))

const count = (name: string, description: string) =>
  Flag.Int(name).pipe(Flag.withDescription(description), Flag.withSchema(Positive))

export const flags = {
  source: Flag.Literals("source", ["live", "dataset", "langfuse"]).pipe(
    Flag.withDescription(
      "Where the answers come from: live has the agent answer a dataset's questions, dataset takes the answers it has, langfuse takes those of production. Default: live"
    ),
    Flag.optional
  ),
  dataset: Flag.String("dataset").pipe(
    Flag.withDescription(`A file of samples, one JSON object a line. Default: ${places.datasets}/questions.jsonl`),
    Flag.optional
  ),
  hours: Flag.Finite("hours").pipe(
    Flag.withDescription("For langfuse: how long a window of traces to take. Default: 24"),
    Flag.withSchema(Amount),
    Flag.optional
  ),
  lagMinutes: Flag.Finite("lag-minutes").pipe(
    Flag.withDescription("For langfuse: how long ago the window ends, because traces come late"),
    Flag.withDefault(5)
  ),
  metrics: Flag.String("metrics").pipe(
    Flag.withDescription("Names of metrics, separated by commas. Default: all (see `evals metrics`)"),
    Flag.optional
  ),
  limit: count("limit", "The most samples to evaluate. Default: all").pipe(Flag.optional),
  judge: Flag.String("judge").pipe(
    Flag.withDescription("The model that judges. Default: EVALUATION_LLM"),
    Flag.optional
  ),
  concurrency: count("concurrency", "How many answers or evaluations are under way at once").pipe(Flag.withDefault(5)),
  maxErrors: count("max-errors", "Stop when that many have failed, and exit with 3").pipe(Flag.withDefault(10)),
  maxCostEur: Flag.Finite("max-cost-eur").pipe(
    Flag.withDescription("Stop before answers and judge cost more than that together. Default: no limit"),
    Flag.withSchema(Amount),
    Flag.optional
  ),
  resume: Flag.String("resume").pipe(
    Flag.withDescription("Go on with a run: the last, or that of --resume=RUN"),
    Flag.withOptionalValue("last"),
    Flag.optional
  ),
  retryErrors: Flag.Boolean("retry-errors").pipe(
    Flag.withDescription("Go on with a run, the last unless --resume names one, and try again what failed in it"),
    Flag.withDefault(false)
  ),
  noReport: Flag.Boolean("no-report").pipe(
    Flag.withDescription("Write no file at all: no report, no log to resume from, no cache"),
    Flag.withDefault(false)
  ),
  includeContent: Flag.Boolean("include-content").pipe(
    Flag.withDescription("Put questions, answers and reasoning into the report"),
    Flag.withDefault(false)
  ),
  noScores: Flag.Boolean("no-scores").pipe(
    Flag.withDescription("For langfuse: send no scores back"),
    Flag.withDefault(false)
  ),
  reports: Flag.String("reports").pipe(
    Flag.withDescription("The folder for reports"),
    Flag.withDefault(places.reports)
  ),
  prompts: Flag.String("prompts").pipe(
    Flag.withDescription("The folder of the metrics that are judged"),
    Flag.withDefault(places.prompts)
  ),
  yes: Flag.Boolean("yes").pipe(
    Flag.withAlias("y"),
    Flag.withDescription("Ask nothing, take the defaults"),
    Flag.withDefault(false)
  )
} as const

export type Flags = Command.Command.Config.Infer<typeof flags>

/** What a new run is to be of. */
export interface Choice {
  readonly source: "live" | "dataset" | "langfuse"
  readonly dataset: string
  readonly hours: number
  /** None are all. */
  readonly metrics: ReadonlyArray<string>
  readonly limit: number | undefined
}

const namesOf = (text: string): ReadonlyArray<string> =>
  text.split(",").flatMap((name) => (name.trim() === "" ? [] : [name.trim()]))

export const chosen = (flags: Flags): Choice => ({
  source: Option.getOrElse(flags.source, () => "live" as const),
  dataset: Option.getOrElse(flags.dataset, () => `${places.datasets}/questions.jsonl`),
  hours: Option.getOrElse(flags.hours, () => 24),
  metrics: Option.match(flags.metrics, { onNone: () => [], onSome: namesOf }),
  limit: Option.getOrUndefined(flags.limit)
})

/** For who asked for nothing in particular and should know what they get. */
export const told = (choice: Choice, flags: Flags): string => {
  const samples = choice.source === "langfuse" ? `the last ${choice.hours} hours of Langfuse` : choice.dataset
  return [
    `source ${choice.source}`,
    samples,
    `metrics ${choice.metrics.length === 0 ? "all" : choice.metrics.join(", ")}`,
    `limit ${choice.limit ?? "none"}`,
    `concurrency ${flags.concurrency}`
  ].join("; ")
}
