import { Config, Schema, SchemaTransformation } from "effect"
import * as Setting from "../Settings/Setting.ts"

/** As browsers send it: no path, no default port, nothing in capitals. What is written otherwise would never match. */
const isOrigin = (text: string): boolean =>
  /^https?:\/\/[^/*]+$/u.test(text) && URL.canParse(text) && new URL(text).origin === text

const OriginList = Schema.String.pipe(
  Schema.decodeTo(
    Schema.Array(Schema.String).check(
      Schema.makeFilter((origins) => origins.every(isOrigin) || (origins.length === 1 && origins[0] === "*"))
    ),
    SchemaTransformation.transform({
      decode: (text): ReadonlyArray<string> => text.split(",").map((origin) => origin.trim()),
      encode: (origins) => origins.join(",")
    })
  )
)

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
  maxBodyBytes: Setting.positiveInt("MAX_BODY_BYTES", 1_048_576),
  corsOrigins: Setting.withDefaultBy<ReadonlyArray<string>>(
    "CORS_ORIGINS",
    Config.schema(OriginList, "CORS_ORIGINS"),
    (environment) => (environment === "development" ? ["http://localhost:3000", "http://localhost:5173"] : []),
    "origins as browsers send them, such as https://app.example.com,http://localhost:3000, or * alone"
  )
}
