/**
 * Where the lines are drawn, and the colours between them: what the alerts say, to be seen before they do. Grafana takes
 * numbers for them, not expressions, so those of prometheus/rules/thresholds.yml stand here again; a test compares them.
 */

export interface Limits {
  /** Below all of them. */
  readonly base: string
  readonly steps: ReadonlyArray<readonly [from: number, color: string]>
}

const highIsBad = (warning: number, critical: number): Limits => ({
  base: "green",
  steps: [
    [warning, "yellow"],
    [critical, "red"]
  ]
})
const mostly = (most: number): Limits => ({ base: "green", steps: [[most, "red"]] })
const atLeast = (least: number): Limits => ({
  base: "red",
  steps: [[least, "green"]]
})

export const limits = {
  none: { base: "blue", steps: [] },
  /** USER_MONTHLY_TARGET_EUR and USER_MONTHLY_LIMIT_EUR. */
  costPerUserEur: highIsBad(2, 2.5),
  /** REVENUE_ARR_TARGET_EUR. */
  arrEur: {
    base: "red",
    steps: [
      [12_500, "yellow"],
      [25_000, "green"]
    ]
  },
  arrTargetEur: atLeast(25_000),
  latencySeconds: mostly(5),
  paymentSuccess: atLeast(0.95),
  budgetShare: highIsBad(0.8, 1),
  errorShare: mostly(0.005),
  burnRate: highIsBad(6, 14.4),
  modelErrorShare: mostly(0.1),
  wastedShare: highIsBad(0.05, 0.1),
  businessAgeSeconds: mostly(15 * 60),
  watchdogAgeSeconds: mostly(5 * 60),
  rejectedShare: mostly(0.1),
  anyIsBad: mostly(1),
  anyIsOdd: { base: "green", steps: [[1, "yellow"]] },
  up: atLeast(1)
} satisfies Record<string, Limits>
