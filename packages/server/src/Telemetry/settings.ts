import { Config, Schema } from "effect"
import * as Setting from "../Settings/Setting.ts"

export const settings = {
  metricsToken: Setting.optional(
    "METRICS_TOKEN",
    Config.schema(Schema.RedactedFromValue(Schema.String.check(Schema.isPattern(/^\S+$/u))), "METRICS_TOKEN"),
    "the bearer token that GET /metrics wants, without spaces"
  ),
  logLevel: Setting.withDefault(
    "LOG_LEVEL",
    Config.Literals(["Trace", "Debug", "Info", "Warn", "Error", "Fatal", "None"], "LOG_LEVEL"),
    "Info",
    "one of Trace, Debug, Info, Warn, Error, Fatal, None"
  )
}
