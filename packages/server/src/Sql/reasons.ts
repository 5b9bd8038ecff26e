import { Predicate } from "effect"
import { SqlError } from "effect/sql"

/** What went wrong, from the outside in: below a failed migration or connection is what PostgreSQL or the network says. */
export const reasonsOf = (error: unknown): ReadonlyArray<string> => {
  if (SqlError.isSqlError(error)) return reasonsOf(error.reason.cause)
  // A host with several addresses was tried at each of them.
  if (error instanceof AggregateError) return reasonsOf(error.errors[0])
  if (!Predicate.isError(error)) return []
  return [error.message.replaceAll(/\s+/gu, " "), ...reasonsOf(error.cause)]
}
