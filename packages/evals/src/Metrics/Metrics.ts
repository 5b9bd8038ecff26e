/** Every metric there is: a file in metrics/prompts is one that is judged, and some are measured. */
import { Effect, FileSystem, Path, Result } from "effect"
import type { Metric, Model } from "../Evaluation.ts"
import { hashOf } from "../hash.ts"
import { promptVersion } from "../Judge/prompt.ts"
import { Misconfigured } from "../Misconfigured.ts"
import { parse, type Prompt } from "./frontMatter.ts"
import { measuredMetrics } from "./measured.ts"

const judged = (prompt: Prompt, judge: Model): Metric => {
  const { model = judge.model, ...told } = prompt
  const { direction, name, requires, rubric, version } = prompt
  return {
    ...told,
    kind: "judge",
    unit: "score",
    judge: { ...judge, model: judge.isOffline ? judge.model : model },
    hash: hashOf(promptVersion, name, version, direction, requires, rubric)
  }
}

const measured = measuredMetrics.map(({ measure: _, ...told }): Metric => ({
  ...told,
  kind: "deterministic",
  hash: hashOf(told.name, told.version)
}))

/** All of a folder, in the order of their names, then those that are measured. One bad file, and there are none. */
export const load = Effect.fn("Metrics.load")(function* (folder: string, judge: Model) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const names = yield* fs
    .readDirectory(folder)
    .pipe(
      Effect.mapError(
        ({ message }) => new Misconfigured({ message: `Cannot read the metrics of ${folder}: ${message}` })
      )
    )
  const metrics: Array<Metric> = []
  const problems: Array<string> = []
  for (const name of names.filter((name) => name.endsWith(".md")).toSorted()) {
    const file = path.join(folder, name)
    const text = yield* Effect.orDie(fs.readFileString(file))
    const parsed = parse(text)
    if (Result.isFailure(parsed)) {
      problems.push(...parsed.failure.map(({ line, message }) => `  ${file}:${line}: ${message}`))
    } else if ([...metrics, ...measured].some((metric) => metric.name === parsed.success.name)) {
      problems.push(`  ${file}:1: there is another metric of the name ${parsed.success.name}`)
    } else metrics.push(judged(parsed.success, judge))
  }
  if (problems.length > 0) {
    return yield* new Misconfigured({ message: `These metrics must be mended first:\n${problems.join("\n")}` })
  }
  return [...metrics, ...measured]
})

/** Those of the names, or all. */
export const choose = Effect.fnUntraced(function* (all: ReadonlyArray<Metric>, names: ReadonlyArray<string>) {
  const unknown = names.filter((name) => !all.some((metric) => metric.name === name))
  if (unknown.length > 0) {
    const known = all.map(({ name }) => name).join(", ")
    return yield* new Misconfigured({ message: `There is no metric ${unknown.join(", ")}. There are: ${known}` })
  }
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name))
})
