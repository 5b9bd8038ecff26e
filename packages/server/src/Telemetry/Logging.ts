/** Structured logs: pretty in development, one JSON object a line elsewhere, each with the request it belongs to. */
import { Effect, Layer, Logger, References } from "effect"
import { appEnvironment } from "../Settings/Setting.ts"
import { settings } from "./settings.ts"

export const layer = Layer.unwrap(
  Effect.gen(function* () {
    const environment = yield* appEnvironment.config
    const level = yield* settings.logLevel.config
    const logger = environment === "development" ? Logger.consolePretty() : Logger.consoleJson
    return Layer.mergeAll(Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, level))
  })
)
