/** `evals compare A B` */
import { Console, Effect, Runtime, Schema } from "effect"
import { Argument, Command } from "effect/cli"
import { readReport } from "../Report/writeReport.ts"
import { compare } from "./compare.ts"
import { told } from "./told.ts"

export class Regressed extends Schema.TaggedError<Regressed>()("Regressed", { metrics: Schema.Array(Schema.String) }) {
  override readonly [Runtime.errorExitCode] = 1
  override get message(): string {
    return `Worse than before: ${this.metrics.join(", ")}`
  }
}

export class NothingToCompare extends Schema.TaggedError<NothingToCompare>()("NothingToCompare", {}) {
  override readonly [Runtime.errorExitCode] = 2
  override get message(): string {
    return "The two reports have no metric that can be compared. Both must be of the same samples, metrics and judge."
  }
}

const report = (name: string, description: string) =>
  Argument.Path(name, { pathType: "file", mustExist: true }).pipe(Argument.withDescription(description))

export const compareCommand = Command.make(
  "compare",
  {
    a: report("a", "The report (JSON) of before"),
    b: report("b", "The report (JSON) of now")
  },
  Effect.fn(function* ({ a, b }) {
    const comparison = compare(yield* readReport(a), yield* readReport(b))
    yield* Console.log(told(comparison).join("\n"))
    if (comparison.metrics.every(({ verdict }) => verdict === "not comparable")) return yield* new NothingToCompare()
    if (comparison.regressions.length > 0) return yield* new Regressed({ metrics: comparison.regressions })
  })
).pipe(
  Command.withDescription(
    "Says of each metric whether B is better or worse than A, or that it cannot be told. Exit code 1 for a significant regression"
  )
)
