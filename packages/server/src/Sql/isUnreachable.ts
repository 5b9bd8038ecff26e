import { Cause } from "effect"
import { SqlError } from "effect/sql"

/** Whether a defect comes from a database that is not there, not from what was asked of it. */
export const isUnreachable = (cause: Cause.Cause<unknown>): boolean =>
  cause.reasons.some(
    (reason) =>
      Cause.isDieReason(reason) &&
      SqlError.isSqlError(reason.defect) &&
      reason.defect.reason._tag === "ConnectionError"
  )
