import { Config } from "effect"
import * as Setting from "../Settings/Setting.ts"

export const settings = {
  logLevel: Setting.withDefault(
    "LOG_LEVEL",
    Config.Literals(["Trace", "Debug", "Info", "Warn", "Error", "Fatal", "None"], "LOG_LEVEL"),
    "Info",
    "one of Trace, Debug, Info, Warn, Error, Fatal, None"
  )
}
