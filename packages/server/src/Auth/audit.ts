import type { UserId } from "@parley/domain/Users"
import { Effect } from "effect"
import type { AuthEvent, authOutcomes } from "../Telemetry/Catalogue.ts"
import { Metrics } from "../Telemetry/Metrics.ts"

export type Audit = <E extends AuthEvent>(
  event: E,
  outcome: (typeof authOutcomes)[E][number],
  userId?: UserId
) => Effect.Effect<void>

/**
 * Every attempt to authenticate and all that is done to an account, counted, and one line each, without e-mail, password
 * or token. The request's id and its client's address come with the request. A warning is an event of security.
 */
export const make = Effect.map(
  Metrics,
  (metrics): Audit =>
    (event, outcome, userId) =>
      Effect.logWithLevel(outcome === "reuse_detected" ? "Warn" : "Info")(`auth ${event} ${outcome}`).pipe(
        Effect.annotateLogs({ event: `auth.${event}`, outcome, ...(userId === undefined ? {} : { user_id: userId }) }),
        Effect.andThen(metrics.authEvent(event, outcome))
      )
)
