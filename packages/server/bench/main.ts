/** `make bench`: measures the bars of Parley, each against its yardstick in the same run. Exit code 1 when one is missed. */
import { NodeServices } from "@effect/platform-node"
import { Console, Effect, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as Boot from "../src/Boot.ts"
import { Postgres } from "./Postgres.ts"
import * as Report from "./Report.ts"
import { progress, type Row } from "./Row.ts"
import { authenticatedGet } from "./rows/AuthenticatedGet.ts"
import { boot } from "./rows/Boot.ts"
import { history } from "./rows/History.ts"
import { loginTiming } from "./rows/LoginTiming.ts"
import { slowClients } from "./rows/SlowClients.ts"
import { streamedTokens } from "./rows/StreamedTokens.ts"
import { telemetry } from "./rows/Telemetry.ts"
import { telemetryDown } from "./rows/TelemetryDown.ts"
import { thousandStreams } from "./rows/ThousandStreams.ts"
import { turnOverhead } from "./rows/TurnOverhead.ts"

const rows: ReadonlyArray<Row> = [
  turnOverhead,
  streamedTokens,
  authenticatedGet,
  boot,
  thousandStreams,
  history,
  loginTiming,
  slowClients,
  telemetry,
  telemetryDown
]

class BarMissed extends Schema.TaggedError<BarMissed>()("BarMissed", { count: Schema.Int }) {
  override get message(): string {
    return `${this.count} ${this.count === 1 ? "bar was" : "bars were"} missed`
  }
}

const measure = (chosen: ReadonlyArray<Row>) =>
  Effect.forEach(chosen, ({ measure, name }, index) =>
    Effect.andThen(progress(`[${index + 1}/${chosen.length}] ${name}`), Effect.scoped(measure)).pipe(
      // Also when a later one fails: it took minutes.
      Effect.tap((lines) => Console.error(Report.text(lines)))
    )
  ).pipe(
    Effect.map((lines) => lines.flat()),
    Effect.provide(Postgres.layer)
  )

const bench = Command.make(
  "bench",
  {
    only: Flag.Literals(
      "only",
      rows.map(({ name }) => name)
    ).pipe(
      Flag.withDescription("Measure this alone, and leave docs/benchmarks.md as it is; may be given several times"),
      Flag.atLeast(0)
    )
  },
  Effect.fn(function* ({ only }) {
    const chosen = only.length === 0 ? rows : rows.filter(({ name }) => only.includes(name))
    const lines = yield* measure(chosen)
    yield* Console.log(Report.text(lines))
    if (only.length === 0) yield* Report.write(lines)
    const count = lines.filter(({ bar }) => bar?.met === false).length
    if (count > 0) return yield* new BarMissed({ count })
  })
).pipe(
  Command.withDescription(
    "Measures Parley's bars, prints the table and writes docs/benchmarks.md. Takes about twelve minutes; Linux only."
  )
)

Boot.run(Effect.provide(Command.run(bench, { version: "0.1.0" }), NodeServices.layer))
