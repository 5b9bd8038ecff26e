/** Catches what is logged, so that tests can look at it and the run stays quiet. */
import { Context, Effect, Layer, Logger, Schema } from "effect"

/** The lines, each as the JSON object that production logs. */
export class TestLog extends Context.Service<TestLog, { readonly lines: ReadonlyArray<string> }>()(
  "@parley/server/test/TestLog"
) {}

export const layer = Layer.unwrap(
  Effect.sync(() => {
    const lines: Array<string> = []
    const logger = Logger.map(Logger.formatJson, (line) => void lines.push(line))
    return Layer.merge(Layer.succeed(TestLog, { lines }), Logger.layer([logger]))
  })
)

const Line = Schema.fromJsonString(
  Schema.Struct({
    message: Schema.Unknown,
    level: Schema.String,
    annotations: Schema.Record(Schema.String, Schema.Unknown)
  })
)

/** What was logged under a request id. */
export const logged = Effect.fnUntraced(function* (requestId: string) {
  const { lines } = yield* TestLog
  const all = yield* Effect.forEach(lines, (line) => Schema.decodeUnknownEffect(Line)(line))
  return all.filter(({ annotations }) => annotations["request_id"] === requestId)
})
