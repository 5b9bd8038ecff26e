/** Structured logs: pretty in development, one JSON object a line elsewhere, each with the request it belongs to. */
import { Effect, Layer, Logger, References } from "effect"
import { appEnvironment } from "../Settings/Setting.ts"
import * as JsonLines from "./JsonLines.ts"
import { settings } from "./settings.ts"

/** Past the console, which takes longer than all the rest of a line. */
const toStandardOutput = Effect.sync(() => {
  // That nobody reads the log any more does not end the server.
  process.stdout.on("error", () => {})
  return Logger.map(JsonLines.format, (line) => void process.stdout.write(`${line}\n`))
})

export const layer = Layer.unwrap(
  Effect.gen(function* () {
    // What is wrong with these is told with all other settings that are wrong, and not by logs being impossible.
    const environment = yield* Effect.orElseSucceed(appEnvironment.config, () => "production" as const)
    const level = yield* Effect.orElseSucceed(settings.logLevel.config, () => "Info" as const)
    const logger = environment === "development" ? Logger.consolePretty() : yield* toStandardOutput
    return Layer.mergeAll(Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, level))
  })
)
