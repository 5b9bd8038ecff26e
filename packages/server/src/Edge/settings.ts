import { Config, Schema } from "effect"
import * as Setting from "../Settings/Setting.ts"

export const settings = {
  host: Setting.withDefaultBy(
    "HOST",
    Config.NonEmptyString("HOST"),
    (environment) => (Setting.isLocal(environment) ? "127.0.0.1" : "0.0.0.0"),
    "the address to listen on, such as 127.0.0.1"
  ),
  port: Setting.withDefault(
    "PORT",
    Config.schema(
      Schema.FiniteFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 0, maximum: 65_535 })),
      "PORT"
    ),
    8000,
    "a port number from 1 to 65535, or 0 for any that is free"
  ),
  maxBodyBytes: Setting.positiveInt("MAX_BODY_BYTES", 1_048_576)
}
