import { Array, Order } from "effect"

/** Of a sorted sample, the value below which the share `p` of it lies; NaN of nothing. */
export const percentile = (sample: ReadonlyArray<number>, p: number): number => {
  const sorted = Array.sort(sample, Order.Number)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN
}

export const median = (sample: ReadonlyArray<number>): number => percentile(sample, 0.5)

export const percent = (share: number): string => `${(share * 100).toFixed(0)} %`

/** "12 to 15 ms": the least and the most. */
export const range = (sample: ReadonlyArray<number>, format: (value: number) => string): string =>
  `${format(Math.min(...sample))} to ${format(Math.max(...sample))}`

/** Round by round: what slowed one measurement of a round most likely slowed the other. */
export const ratios = (these: ReadonlyArray<number>, those: ReadonlyArray<number>): ReadonlyArray<number> =>
  Array.zipWith(these, those, (a, b) => a / b)
