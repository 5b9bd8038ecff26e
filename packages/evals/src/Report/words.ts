/** Numbers as people read them. */
import { DateTime } from "effect"
import type { Model, Unit } from "../Evaluation.ts"
import type { Interval } from "../Statistics/bootstrap.ts"
import type { PassRate } from "./Report.ts"

/** What stands for a value that is not there; it is not 0. */
export const none = "–"

export const millis = (value: number): string => {
  if (value < 1000) return `${Math.round(value)} ms`
  const seconds = value / 1000
  if (seconds < 59.95) return `${seconds.toFixed(seconds < 9.995 ? 2 : 1)} s`
  const whole = Math.round(seconds)
  return `${Math.floor(whole / 60)} min ${whole % 60} s`
}

export const euros = (value: number): string => {
  if (value === 0) return "€0"
  return Math.abs(value) < 0.01 ? `€${Number(value.toPrecision(2))}` : `€${value.toFixed(2)}`
}

export const amount = (value: number | undefined, unit: Unit): string => {
  if (value === undefined) return none
  if (unit === "ms") return millis(value)
  if (unit === "EUR") return euros(value)
  return value.toFixed(2)
}

export const interval = (value: Interval | undefined, unit: Unit): string =>
  value === undefined ? none : `${amount(value.low, unit)} to ${amount(value.high, unit)}`

export const percent = (share: number | undefined): string => {
  if (share === undefined) return none
  // 99.7 % is not all.
  const rounded = Math.round(share * 100)
  if (rounded === 100 && share < 1) return "> 99 %"
  return rounded === 0 && share > 0 ? "< 1 %" : `${rounded} %`
}

export const passRate = ({ interval, n, passed, rate }: PassRate): string =>
  rate === undefined
    ? none
    : `${percent(rate)} (${passed} of ${n}${interval === undefined ? "" : `, ${percent(interval.low)} to ${percent(interval.high)}`})`

export const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`

/** 2026-11-27 14:05:09 UTC */
export const instant = (time: DateTime.Utc): string => `${DateTime.formatIso(time).slice(0, 19).replace("T", " ")} UTC`

export const modelName = (model: Model | undefined): string =>
  model === undefined ? none : `${model.model}${model.isOffline ? " (offline stand-in)" : ""}`
