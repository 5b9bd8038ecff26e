/** What fields are made of: ids, times, counts. */
import { Schema, SchemaTransformation } from "effect"

const uuidMessage = "Must be a UUID"

const isUuid = Schema.isUUID(undefined, { message: uuidMessage })

/**
 * Version 7 when made here, any version when a client makes it. Brand it: an id is of one kind. Lower case, whatever comes
 * in: an id is one text, also where it is kept and compared as text.
 */
export const uuid = (example: string) =>
  Schema.String.annotate({ message: uuidMessage, examples: [example] })
    .check(isUuid)
    .pipe(Schema.decodeTo(Schema.String.check(isUuid, Schema.isLowercased()), SchemaTransformation.toLowerCase()))

/** RFC 3339 in UTC, to the millisecond. */
export const Timestamp = Schema.String.annotate({
  message: "Must be a date and time",
  format: "date-time",
  examples: ["2026-01-31T12:00:00.000Z"]
}).pipe(Schema.decodeTo(Schema.DateTimeUtc, SchemaTransformation.dateTimeUtcFromString))

/** How many, or how long in whole units. */
export const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
