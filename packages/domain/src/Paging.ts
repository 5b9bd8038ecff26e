/** Pages of lists by keyset: a cursor says after which item the page begins, so that no page costs more than another. */
import { Effect, Schema, SchemaIssue, SchemaTransformation } from "effect"

const limitMessage = "Must be a whole number from 1 to 100"

/** How many items a page has at the most. */
export const limit = Schema.FiniteFromString.annotate({ message: limitMessage }).pipe(
  Schema.check(
    Schema.isInt({ message: limitMessage }),
    Schema.isBetween({ minimum: 1, maximum: 100 }, { message: limitMessage })
  ),
  Schema.optionalKey
)

/** A sort key as text that clients have no reason to look into. A text that is no such key is one error, not many. */
export const cursorOf = <A, E extends Schema.Json>(key: Schema.Codec<A, E>) => {
  const inner = Schema.StringFromBase64Url.pipe(Schema.decodeTo(Schema.fromJsonString(key)))
  const decode = Schema.decodeEffect(inner)
  const encode = Schema.encodeEffect(inner)
  return Schema.String.annotate({
    message: "Must be a cursor of this list",
    description: "`next_cursor` of the page before. Opaque."
  }).pipe(
    Schema.decodeTo(
      Schema.toType(key),
      SchemaTransformation.transformEffect({
        decode: (text, options) =>
          Effect.mapError(
            decode(text),
            () => new SchemaIssue.InvalidValue({ message: "Must be a cursor of this list" }, text, options)
          ),
        encode: (value) => Effect.mapError(encode(value), (error) => error.issue)
      })
    )
  )
}
