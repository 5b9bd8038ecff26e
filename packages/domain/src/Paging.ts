/** Pages of lists by keyset: a cursor says after which item the page begins, so that no page costs more than another. */
import { Effect, Schema, SchemaIssue, SchemaTransformation } from "effect"

const maxLimit = 100
const limitMessage = `Must be a whole number from 1 to ${maxLimit}`

/** How many items a page has when nobody says. */
export const defaultLimit = 20

/** How many items a page has at the most. */
export const limit = Schema.String.annotate({ message: limitMessage })
  .check(Schema.isPattern(/^(?:[1-9][0-9]?|100)$/u, { message: limitMessage }))
  .pipe(Schema.decodeTo(Schema.Finite, SchemaTransformation.numberFromString), Schema.optionalKey)

/** What the OpenAPI document says of `limit`: in a query all is text, but clients should know it for a number. */
export const limitParameter = {
  description: "How many items to give at the most",
  schema: { type: "integer", minimum: 1, maximum: maxLimit, default: defaultLimit }
}

/** A sort key as text that clients have no reason to look into. A text that is no such key is one error, not many. */
export const cursorOf = <A, E extends Schema.Json>(key: Schema.Codec<A, E>, example: A) => {
  const inner = Schema.StringFromBase64Url.pipe(Schema.decodeTo(Schema.fromJsonString(key)))
  const decode = Schema.decodeEffect(inner)
  const encode = Schema.encodeEffect(inner)
  const message = "Must be a cursor of this list"
  return Schema.String.annotate({
    message,
    description: "`next_cursor` of the page before. Opaque.",
    examples: [Schema.encodeSync(inner)(example)]
  }).pipe(
    Schema.decodeTo(
      Schema.toType(key),
      SchemaTransformation.transformEffect({
        decode: (text, options) =>
          Effect.mapError(decode(text), () => new SchemaIssue.InvalidValue({ message }, text, options)),
        encode: (value) => Effect.mapError(encode(value), (error) => error.issue)
      })
    )
  )
}
