import { type LimitWindow, type Unit, units } from "@parley/domain/Limits"
import { Config, Schema } from "effect"
import * as Setting from "../Settings/Setting.ts"

const seconds: Record<Unit, number> = { second: 1, minute: 60, hour: 3600, day: 86_400 }

export const secondsOf = ({ count, unit }: Omit<LimitWindow, "quota">): number => count * seconds[unit]

/** The windows of a limit, the shortest first. */
export type Windows = ReadonlyArray<LimitWindow>

const syntax = new RegExp(`^\\s*(\\d{1,9})\\s*(?:/|\\sper\\s)\\s*(?:(\\d{1,4})\\s*)?(${units.join("|")})s?\\s*$`, "iu")

const windowOf = (text: string): ReadonlyArray<LimitWindow> => {
  const [, quota, count = "1", name = ""] = syntax.exec(text) ?? []
  const unit = units.find((unit) => unit === name.toLowerCase())
  return unit === undefined ? [] : [{ quota: Number(quota), count: Number(count), unit }]
}

/** "200 per day, 50 per hour", "30/minute": nothing, unless all of it can be read. */
export const parse = (text: string): Windows => {
  const parts = text.split(",").map(windowOf)
  const windows = parts.flat().toSorted((a, b) => secondsOf(a) - secondsOf(b))
  const isWhole = windows.length === parts.length && windows.every(({ count, quota }) => quota > 0 && count > 0)
  // Two windows of one length would count the same requests.
  const isDistinct = new Set(windows.map(secondsOf)).size === windows.length
  return isWhole && isDistinct ? windows : []
}

const LimitText = Schema.String.check(Schema.makeFilter((text: string) => parse(text).length > 0))

const limit = (name: string, fallback: (environment: Setting.AppEnvironment) => string) =>
  Setting.withDefaultBy(
    name,
    Config.map(Config.schema(LimitText, name), parse),
    (environment) => parse(fallback(environment)),
    `a limit such as "${fallback("production")}": numbers above 0, per second, minute, hour or day, each length once`
  )

export const settings = {
  default: limit("RATE_LIMIT_DEFAULT", (environment) =>
    Setting.isLocal(environment) ? "1000 per day, 200 per hour" : "200 per day, 50 per hour"
  ),
  chat: limit("RATE_LIMIT_CHAT", () => "30 per minute"),
  chatStream: limit("RATE_LIMIT_CHAT_STREAM", () => "20 per minute"),
  register: limit("RATE_LIMIT_REGISTER", () => "10 per hour"),
  login: limit("RATE_LIMIT_LOGIN", () => "20 per minute"),
  // Stripe sends from few addresses, much at once on some days; what is refused it sends again, for three days.
  webhook: limit("RATE_LIMIT_WEBHOOK", () => "1000 per minute"),
  redisUrl: Setting.optional(
    "REDIS_URL",
    Config.schema(
      Schema.RedactedFromValue(Schema.String.check(Schema.isPattern(/^rediss?:\/\/[^\s/]+(?:\/\S*)?$/u))),
      "REDIS_URL"
    ),
    "the address of a Redis like redis://user:password@host:6379"
  )
}
