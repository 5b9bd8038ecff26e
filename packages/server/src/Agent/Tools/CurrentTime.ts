import { DateTime, Effect, Option, Schema } from "effect"
import * as Tool from "./Tool.ts"

export const currentTime = Tool.make({
  name: "current_time",
  description: "The current date and time, in UTC or in a time zone.",
  input: Schema.Struct({
    time_zone: Schema.optionalKey(
      Schema.String.annotate({ description: "IANA name, such as Europe/Berlin. UTC when left out." })
    )
  }),
  execute: ({ time_zone = "UTC" }) =>
    Effect.gen(function* () {
      const now = yield* DateTime.now
      const zoned = DateTime.setZoneNamed(now, time_zone)
      if (Option.isNone(zoned)) return yield* new Tool.ToolFailed({ reason: `There is no time zone ${time_zone}` })
      return DateTime.formatIsoZoned(zoned.value)
    })
})
