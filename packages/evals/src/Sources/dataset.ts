/** Samples from a file: one JSON object a line. */
import { Effect, FileSystem, Result, Schema, SchemaIssue } from "effect"
import type { Sample, SourceKind } from "../Evaluation.ts"
import { Misconfigured } from "../Misconfigured.ts"

const Amount = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))

const Line = Schema.Struct({
  id: Schema.NonEmptyString,
  input: Schema.NonEmptyString,
  /** The answer, where it is there already. */
  output: Schema.optionalKey(Schema.String),
  expected: Schema.optionalKey(Schema.String),
  context: Schema.optionalKey(Schema.String),
  group: Schema.optionalKey(Schema.NonEmptyString),
  expected_tools: Schema.optionalKey(Schema.Array(Schema.NonEmptyString)),
  tool_calls: Schema.optionalKey(Schema.Array(Schema.String)),
  latency_ms: Schema.optionalKey(Amount),
  cost_eur: Schema.optionalKey(Amount),
  /** What people said: by metric. Read by `evals calibrate`. */
  labels: Schema.optionalKey(Schema.Record(Schema.String, Schema.Finite))
})
type Line = typeof Line.Type

const decode = Schema.decodeUnknownResult(Schema.fromJsonString(Line), { errors: "all", onExcessProperty: "error" })
const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

const sampleOf = (line: Line, source: SourceKind): Sample => {
  const { cost_eur, expected_tools, labels: _, latency_ms, output, tool_calls, ...told } = line
  const question = { ...told, source, ...(expected_tools && { expectedTools: expected_tools }) }
  // Who is to answer now is not the one who answered then.
  if (source === "live") return question
  return {
    ...question,
    ...(output !== undefined && { output }),
    ...(latency_ms !== undefined && { latencyMillis: latency_ms }),
    ...(cost_eur !== undefined && { costEur: cost_eur }),
    ...(tool_calls && { toolCalls: tool_calls })
  }
}

/** Everything that is wrong in the file is told at once. */
const linesOf = Effect.fn("Dataset.linesOf")(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* fs
    .readFileString(file)
    .pipe(
      Effect.mapError(({ message }) => new Misconfigured({ message: `Cannot read the dataset ${file}: ${message}` }))
    )
  const lines: Array<Line> = []
  const problems: Array<string> = []
  const seen = new Map<string, number>()
  for (const [index, line] of text
    .replace(/^\uFEFF/u, "")
    .split(/\r?\n/u)
    .entries()) {
    if (line.trim() === "") continue
    const at = `  ${file}:${index + 1}:`
    const decoded = decode(line)
    if (Result.isFailure(decoded)) {
      for (const { message, path = [] } of issuesOf(decoded.failure.issue).issues) {
        const keys = path.map((segment) => String(typeof segment === "object" ? segment.key : segment))
        problems.push(`${at} ${keys.length === 0 ? message : `${keys.join(".")}: ${message}`}`)
      }
      continue
    }
    const { id } = decoded.success
    const first = seen.get(id)
    if (first !== undefined) problems.push(`${at} the id ${id} is that of line ${first} as well`)
    seen.set(id, index + 1)
    lines.push(decoded.success)
  }
  if (problems.length > 0) {
    const shown = problems.slice(0, 20)
    const more = problems.length > 20 ? `\n  and ${problems.length - 20} more` : ""
    return yield* new Misconfigured({ message: `This dataset must be mended first:\n${shown.join("\n")}${more}` })
  }
  if (lines.length === 0) return yield* new Misconfigured({ message: `${file} has no samples` })
  return lines
})

/** The first `limit` of the file. */
export const read = Effect.fn("Dataset.read")(function* (
  file: string,
  source: "dataset" | "live",
  limit: number | undefined
) {
  const samples = (yield* linesOf(file)).map((line) => sampleOf(line, source))
  if (source === "dataset" && samples.every(({ output }) => output === undefined)) {
    return yield* new Misconfigured({
      message: `${file} has questions and no answers (output). To have the agent answer them, use --source live.`
    })
  }
  return samples.slice(0, limit)
})

/** Answers with what people gave them, by metric. */
export const readLabelled = Effect.fn("Dataset.readLabelled")(function* (file: string) {
  return (yield* linesOf(file)).map((line) => ({ sample: sampleOf(line, "dataset"), labels: line.labels ?? {} }))
})
