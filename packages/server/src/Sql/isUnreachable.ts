import { Cause, Predicate } from "effect"
import { SqlError } from "effect/sql"

/**
 * States in which PostgreSQL says itself that it serves nobody now: out of resources (class 53, such as too many
 * connections or a full disk), shutting down or starting up (57P0x), without the database (3D000), kept by somebody's lock
 * (55P03), unable to read or write its files (58030), or one that takes no writes, as after a failover (25006).
 */
const outOfService = /^(?:53|57P0|3D000|55P03|58030|25006)/u

const codeOf = ({ cause }: SqlError.SqlErrorReason): string =>
  Predicate.hasProperty(cause, "code") ? String(cause.code) : ""

/** Whether the server is one that only answers questions, such as a standby. */
export const takesNoWrites = ({ reason }: SqlError.SqlError): boolean => codeOf(reason) === "25006"

const isOutage = ({ reason }: SqlError.SqlError): boolean =>
  reason._tag === "ConnectionError" || reason._tag === "AuthenticationError" || outOfService.test(codeOf(reason))

/** Whether a defect comes from a database that is not there, not from what was asked of it. */
export const isUnreachable = (cause: Cause.Cause<unknown>): boolean =>
  cause.reasons.some(
    (reason) => Cause.isDieReason(reason) && SqlError.isSqlError(reason.defect) && isOutage(reason.defect)
  )
