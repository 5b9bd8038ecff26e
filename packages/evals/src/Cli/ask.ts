/** The questions that `make eval` asks: of what a flag has told, none. */
import { Effect, FileSystem, Option } from "effect"
import { Prompt } from "effect/cli"
import type { Metric } from "../Evaluation.ts"
import type { Choice, Flags } from "./options.ts"
import * as places from "./places.ts"

const sources = [
  { title: "live", value: "live" as const, description: "the agent answers a dataset's questions now" },
  { title: "dataset", value: "dataset" as const, description: "answers that are in a file" },
  { title: "langfuse", value: "langfuse" as const, description: "answers of production, from Langfuse" }
]

const datasets = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const names = yield* Effect.orElseSucceed(fs.readDirectory(places.datasets), () => [])
  return names.filter((name) => name.endsWith(".jsonl")).toSorted()
})

/** A flag's value, or what the person says. */
const unless = <A, B, E, R>(flag: Option.Option<A>, given: B, ask: Effect.Effect<B, E, R>) =>
  Option.isSome(flag) ? Effect.succeed(given) : ask

/** Quick things first: the small dataset has the cursor. */
const dataset = Effect.flatMap(datasets, (names) =>
  names.length === 0
    ? Prompt.run(Prompt.String({ message: "Which file of samples?" }))
    : Prompt.run(
        Prompt.Select({
          message: "Which dataset?",
          choices: names.map((name) => ({ title: name, value: `${places.datasets}/${name}` }))
        })
      )
)

export const judge = (model: string) => Prompt.run(Prompt.String({ message: "Which model judges?", default: model }))

export const choose = Effect.fnUntraced(function* (flags: Flags, defaults: Choice, metrics: ReadonlyArray<Metric>) {
  const source = yield* unless(
    flags.source,
    defaults.source,
    Prompt.run(Prompt.Select({ message: "Which answers?", choices: sources }))
  )
  const isProduction = source === "langfuse"
  const file = isProduction ? defaults.dataset : yield* unless(flags.dataset, defaults.dataset, dataset)
  const hours = isProduction
    ? yield* unless(
        flags.hours,
        defaults.hours,
        Prompt.run(Prompt.Int({ message: "Of how many hours?", default: defaults.hours, min: 1 }))
      )
    : defaults.hours
  const names = yield* unless(
    flags.metrics,
    defaults.metrics,
    Prompt.run(
      Prompt.MultiSelect({
        message: "Which metrics? (space chooses, enter goes on)",
        choices: metrics.map(({ description, name }) => ({ title: name, value: name, description, selected: true })),
        min: 1,
        maxPerPage: 14
      })
    )
  )
  const limit = yield* unless(
    flags.limit,
    defaults.limit,
    Effect.map(
      Prompt.run(Prompt.Int({ message: "How many samples at most? (0 for all)", default: 0, min: 0 })),
      (count) => (count === 0 ? undefined : count)
    )
  )
  return { source, dataset: file, hours, metrics: names, limit }
})
