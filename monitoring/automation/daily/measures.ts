/** What a day is measured by, in the order of the report. */
import { Schema } from "effect"

interface Measure {
  readonly title: string
  /** As charts name them. */
  readonly unit: "currencyEUR" | "percentunit" | "s" | "short"
  readonly decimals?: number
  /** Which way is good; neither, where that depends. */
  readonly better?: "more" | "less"
  /** There is so much of that, on the day or on average, or a change of this is noise. */
  readonly least: readonly [of: Name, amount: number]
}

export const names = [
  "arr",
  "payments_succeeded",
  "payments_failed",
  "payment_rate",
  "payment_amount",
  "users_active",
  "turns",
  "cost",
  "cost_per_user",
  "cost_per_user_month",
  "requests",
  "latency_p95",
  "turn_p95",
  "error_rate"
] as const
export const Name = Schema.Literals(names)
export type Name = typeof Name.Type

export const measures: Readonly<Record<Name, Measure>> = {
  arr: { title: "Annual recurring revenue", unit: "currencyEUR", decimals: 0, better: "more", least: ["arr", 100] },
  payments_succeeded: {
    title: "Payments succeeded",
    unit: "short",
    decimals: 0,
    better: "more",
    least: ["payments_succeeded", 10]
  },
  payments_failed: {
    title: "Payments failed",
    unit: "short",
    decimals: 0,
    better: "less",
    least: ["payments_failed", 5]
  },
  payment_rate: {
    title: "Payments that succeed",
    unit: "percentunit",
    decimals: 1,
    better: "more",
    least: ["payments_succeeded", 10]
  },
  payment_amount: {
    title: "Paid",
    unit: "currencyEUR",
    decimals: 0,
    better: "more",
    least: ["payments_succeeded", 10]
  },
  users_active: { title: "Active users", unit: "short", decimals: 0, better: "more", least: ["users_active", 10] },
  turns: { title: "Turns answered", unit: "short", decimals: 0, better: "more", least: ["turns", 50] },
  cost: { title: "Spent on models", unit: "currencyEUR", decimals: 2, least: ["cost", 1] },
  cost_per_user: {
    title: "EUR per active user",
    unit: "currencyEUR",
    decimals: 3,
    better: "less",
    least: ["cost", 1]
  },
  cost_per_user_month: {
    title: "EUR per user and month",
    unit: "currencyEUR",
    decimals: 2,
    better: "less",
    least: ["users_active", 10]
  },
  requests: { title: "Requests", unit: "short", decimals: 0, least: ["requests", 500] },
  latency_p95: { title: "Latency p95, chat apart", unit: "s", better: "less", least: ["requests", 500] },
  turn_p95: { title: "Time to an answer, p95", unit: "s", better: "less", least: ["turns", 50] },
  error_rate: {
    title: "Requests that failed",
    unit: "percentunit",
    decimals: 2,
    better: "less",
    least: ["requests", 500]
  }
}
