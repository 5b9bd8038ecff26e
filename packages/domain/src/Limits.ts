/** How often a caller may ask, and how much they may spend. */
import { Context, Schema } from "effect"
import { HttpApiMiddleware } from "effect/http-api"
import { Timestamp } from "./Scalars.ts"

export const limitNames = ["default", "chat", "chat-stream", "register", "login", "webhook"] as const
export type LimitName = (typeof limitNames)[number]

/** The annotation of an endpoint that has a limit of its own. All without it share the default, one budget for all. */
export const Limit = Context.Reference<LimitName>("@parley/domain/Limits/Limit", { defaultValue: () => "default" })

/** The annotation of an endpoint that streams when its body has `"stream": true`: such a request counts here instead. */
export const StreamedLimit = Context.Reference<LimitName | undefined>("@parley/domain/Limits/StreamedLimit", {
  defaultValue: () => undefined
})

export const units = ["second", "minute", "hour", "day"] as const
export type Unit = (typeof units)[number]

/** So many requests in so many units, counted from the first of them. */
export interface LimitWindow {
  readonly quota: number
  readonly count: number
  readonly unit: Unit
}

const exceeded = Schema.TemplateLiteral(["Rate limit exceeded: ", Schema.String]).annotate({
  examples: ["Rate limit exceeded: 30 per 1 minute"]
})

export class RateLimitExceeded extends Schema.Error<RateLimitExceeded>("RateLimitExceeded")(
  { detail: exceeded },
  { httpApiStatus: 429, description: "Too many requests. Try again after `Retry-After`." }
) {
  readonly _tag = "RateLimitExceeded" as const
  readonly retryAfterSeconds: number = 1
  static of({ count, quota, unit }: LimitWindow, retryAfterSeconds: number): RateLimitExceeded {
    const window = `${count} ${unit}${count === 1 ? "" : "s"}`
    const error = new RateLimitExceeded({ detail: `Rate limit exceeded: ${quota} per ${window}` })
    return Object.assign(error, { retryAfterSeconds })
  }
}

/** Also told of an unknown account, and to any address but those from where it was made or logged in to before. */
export class LoginDelayed extends Schema.Error<LoginDelayed>("LoginDelayed")(
  { detail: Schema.tag("Too many failed logins") },
  {
    httpApiStatus: 429,
    description:
      "The password was wrong too often, in logins to this account, or where this login was asked for it: until " +
      "`Retry-After` none is tried, not even the right one."
  }
) {
  readonly _tag = "LoginDelayed" as const
  readonly retryAfterSeconds: number = 1
  static after(retryAfterSeconds: number): LoginDelayed {
    return Object.assign(new LoginDelayed({}), { retryAfterSeconds })
  }
}

export class BudgetExceeded extends Schema.Error<BudgetExceeded>("BudgetExceeded")(
  {
    detail: Schema.tag("Monthly budget exceeded"),
    /** When the next month begins, and with it the next budget. */
    resets_at: Timestamp
  },
  { httpApiStatus: 429, description: "This month's turns have cost what a user's may. `Retry-After` is its end." }
) {
  readonly _tag = "BudgetExceeded" as const
  readonly retryAfterSeconds: number = 1
  static until(resets_at: typeof Timestamp.Type, retryAfterSeconds: number): BudgetExceeded {
    return Object.assign(new BudgetExceeded({ resets_at }), { retryAfterSeconds })
  }
}

/**
 * Around every endpoint below `/api/v1`, also those that do not think of limits. Counts a caller by account when the
 * request proves one, else by address, and refuses what is too much.
 */
export class RateLimited extends HttpApiMiddleware.Service<RateLimited>()("@parley/domain/Limits/RateLimited", {
  error: RateLimitExceeded
}) {}
