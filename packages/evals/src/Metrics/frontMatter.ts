/** A metric as a markdown file: what it is called and asks for above, the rubric below. */
import { Effect, Result, Schema, SchemaIssue } from "effect"
import { isMap, isScalar, LineCounter, parseDocument } from "yaml"
import { Direction, Requirement } from "../Evaluation.ts"

const Share = Schema.FiniteFromString.check(Schema.isBetween({ minimum: 0, maximum: 1 }))

export const FrontMatter = Schema.Struct({
  name: Schema.String.check(
    Schema.isPattern(/^[a-z][a-z0-9_]{0,63}$/u, { message: "must be of small letters, digits and _" })
  ),
  version: Schema.NonEmptyString,
  description: Schema.NonEmptyString,
  direction: Direction,
  threshold: Share,
  weight: Schema.FiniteFromString.check(Schema.isGreaterThanOrEqualTo(0)).pipe(
    Schema.withDecodingDefault(Effect.succeed("1"))
  ),
  requires: Schema.Array(Requirement).pipe(
    Schema.withDecodingDefault(Effect.succeed<ReadonlyArray<Requirement>>(["output"]))
  ),
  /** Another judge than EVALUATION_LLM, at the same address. */
  model: Schema.optionalKey(Schema.NonEmptyString)
})
export type FrontMatter = typeof FrontMatter.Type

export interface Prompt extends FrontMatter {
  readonly rubric: string
}

/** Where in the file, and what is wrong there. */
export interface Problem {
  readonly line: number
  readonly message: string
}

// A misspelt key would otherwise pass in silence.
const decode = Schema.decodeUnknownResult(FrontMatter, { errors: "all", onExcessProperty: "error" })
const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

export const parse = (text: string): Result.Result<Prompt, ReadonlyArray<Problem>> => {
  const lines = text.replace(/^\uFEFF/u, "").split(/\r?\n/u)
  if (lines[0]?.trimEnd() !== "---") return fail(1, "must begin with front matter: a line of ---")
  const end = lines.findIndex((line, index) => index > 0 && line.trimEnd() === "---")
  if (end < 0) return fail(lines.length, "the front matter has no end: another line of ---")

  const lineCounter = new LineCounter()
  // All values as text: the schema knows which are numbers, and 1.0 stays what was written.
  const document = parseDocument(lines.slice(1, end).join("\n"), {
    lineCounter,
    schema: "failsafe",
    prettyErrors: false
  })
  const lineAt = (offset: number) => lineCounter.linePos(offset).line + 1
  if (document.errors.length > 0) {
    return Result.fail(document.errors.map(({ message, pos }) => ({ line: lineAt(pos[0]), message })))
  }
  const keyAt = (name: PropertyKey | undefined): number => {
    const items = isMap(document.contents) ? document.contents.items : []
    const key = items.map((pair) => pair.key).find((key) => isScalar(key) && key.value === name)
    return isScalar(key) && key.range ? lineAt(key.range[0]) : 1
  }
  const decoded = decode(document.toJS() ?? {})
  if (Result.isFailure(decoded)) {
    const { issues } = issuesOf(decoded.failure.issue)
    return Result.fail(
      issues.map(({ message, path = [] }) => {
        const keys = path.map((segment) => (typeof segment === "object" ? segment.key : segment))
        return {
          line: keyAt(keys[0]),
          message: keys.length === 0 ? message : `${keys.map(String).join(".")}: ${message}`
        }
      })
    )
  }
  const rubric = lines
    .slice(end + 1)
    .join("\n")
    .trim()
  if (rubric === "") return fail(end + 2, "has no rubric below the front matter")
  return Result.succeed({ ...decoded.success, rubric })
}

const fail = (line: number, message: string) => Result.fail([{ line, message }])
