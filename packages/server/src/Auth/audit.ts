import type { UserId } from "@parley/domain/Users"
import { Effect } from "effect"

type Event = "register" | "login" | "refresh" | "logout" | "email_change" | "password_change" | "deletion" | "export"

type Outcome = "success" | "failure" | "delayed" | "email_taken" | "everywhere" | "reuse_detected"

/**
 * Every attempt to authenticate and all that is done to an account, one line each, without e-mail, password or token.
 * The request's id and its client's address come with the request. A warning is an event of security.
 */
export const audit = (event: Event, outcome: Outcome, userId?: UserId): Effect.Effect<void> =>
  Effect.logWithLevel(outcome === "reuse_detected" ? "Warn" : "Info")(`auth ${event} ${outcome}`).pipe(
    Effect.annotateLogs({ event: `auth.${event}`, outcome, ...(userId === undefined ? {} : { user_id: userId }) })
  )
