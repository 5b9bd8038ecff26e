/** How many pass, and how sure that is: Wilson's interval (1927), which holds near 0 and 1 and for few samples. */
import type { Interval } from "./bootstrap.ts"
import { groupsOf, type Observation, varianceOfMean } from "./groups.ts"
import { normalQuantile } from "./normal.ts"

export const wilson = (passed: number, n: number, level = 0.95): Interval | undefined => {
  if (n <= 0) return undefined
  const z = normalQuantile((1 + level) / 2)
  const share = passed / n
  const centre = (share + z ** 2 / (2 * n)) / (1 + z ** 2 / n)
  const half = (z / (1 + z ** 2 / n)) * Math.sqrt((share * (1 - share)) / n + (z / (2 * n)) ** 2)
  return { low: passed === 0 ? 0 : centre - half, high: passed === n ? 1 : centre + half }
}

export interface PassRate {
  readonly n: number
  readonly passed: number
  /** Absent when nothing was evaluated; the interval also when there is but one. */
  readonly rate?: number
  readonly interval?: Interval
}

/**
 * Samples of a group pass or fail together, so they count for fewer than they are: n is divided by the design effect,
 * the variance between groups over that of independent samples (Dean and Pagano 2015).
 */
export const passRate = (
  outcomes: ReadonlyArray<{ readonly passed: boolean; readonly group?: string | undefined }>,
  level = 0.95
): PassRate => {
  const n = outcomes.length
  const observations = outcomes.map(({ group, passed }): Observation => ({ value: passed ? 1 : 0, group }))
  const passed = observations.reduce((sum, { value }) => sum + value, 0)
  if (n === 0) return { n, passed }
  const rate = passed / n
  if (n === 1) return { n, passed, rate }
  const independent = (rate * (1 - rate)) / (n - 1)
  const groups = groupsOf(observations)
  const size = groups.sums.length
  // All the same: the groups cannot tell how alike they are, so each counts as one.
  const effective =
    independent === 0 ? size : n / Math.max(1, (varianceOfMean(groups) ?? independent * n) / independent)
  const interval = size === 1 ? undefined : wilson(rate * effective, effective, level)
  return { n, passed, rate, ...(interval && { interval }) }
}
