/** Catches what is logged, so that tests can look at it and the run stays quiet. */
import { Context, Effect, Layer, Logger } from "effect"

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
