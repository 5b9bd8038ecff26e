/** `make mutants`: changes thresholds, operators and waits of every alert, one at a time, and wants the tests to notice. */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect, Schema } from "effect"
import { isNoticed, kinds, mutants, rowsOf } from "./Mutation.ts"
import { read } from "./rules.ts"

class Unnoticed extends Schema.TaggedError<Unnoticed>()("Unnoticed", { changes: Schema.Array(Schema.String) }) {
  override get message() {
    return `No test notices:\n${this.changes.map((change) => `  ${change}`).join("\n")}`
  }
}

const program = Effect.gen(function* () {
  const all = yield* mutants(yield* read)
  const results = yield* Effect.forEach(all, (mutant) => Effect.map(isNoticed(mutant), (is) => [mutant, is] as const), {
    concurrency: 2
  })
  const cells = (first: string, ...rest: ReadonlyArray<string>) =>
    [first.padEnd(32), ...rest.map((cell) => cell.padStart(10))].join(" ")
  yield* Console.log(cells("alert: changes noticed", ...kinds))
  for (const { alert, made, noticed } of rowsOf(results)) {
    yield* Console.log(
      cells(alert, ...kinds.map((kind) => (made[kind] === 0 ? "-" : `${noticed[kind]}/${made[kind]}`)))
    )
  }
  const left = results.flatMap(([{ alert, change }, is]) => (is ? [] : [`${alert}, ${change}`]))
  yield* Console.log(`${all.length - left.length} of ${all.length} changes are noticed`)
  if (left.length > 0) return yield* new Unnoticed({ changes: left })
})

program.pipe(
  Effect.provide(NodeServices.layer),
  Effect.tapError(({ message }) => Console.error(message)),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
