/** Catches what is logged, so that tests can look at it and the run stays quiet. */
import { Context, Effect, Layer, Logger, Schema } from "effect"
import * as JsonLines from "../src/Telemetry/JsonLines.ts"

/** The lines, each as the JSON object that production logs. */
export class TestLog extends Context.Service<TestLog, { readonly lines: ReadonlyArray<string> }>()(
  "@parley/server/test/TestLog"
) {}

export const layer = Layer.unwrap(
  Effect.sync(() => {
    const lines: Array<string> = []
    const logger = Logger.map(JsonLines.format, (line) => void lines.push(line))
    return Layer.merge(Layer.succeed(TestLog, { lines }), Logger.layer([logger]))
  })
)

/** What every line has; the rest is what it is annotated with. */
const Line = Schema.fromJsonString(
  Schema.StructWithRest(Schema.Struct({ time: Schema.String, level: Schema.String, message: Schema.String }), [
    Schema.Record(Schema.String, Schema.Unknown)
  ])
)
export type Line = typeof Line.Type

export const decode = (lines: ReadonlyArray<string>) =>
  Effect.forEach(lines, (line) => Schema.decodeUnknownEffect(Line)(line))

/** Every line so far. */
export const all = Effect.flatMap(TestLog, ({ lines }) => decode(lines))

/** What was logged under a request id. */
export const logged = (requestId: string) =>
  Effect.map(all, (lines) => lines.filter(({ request_id }) => request_id === requestId))
