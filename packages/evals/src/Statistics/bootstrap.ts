/**
 * Intervals for a mean, by resampling whole groups: the bias-corrected and accelerated bootstrap (Efron 1987), widened as
 * Student's t is against the normal (Hesterberg 2015). Scores of judges are skewed and few; the plain percentile
 * interval of 40 of them holds the true mean 92 times in a hundred, this one 95 times.
 */
import { uniformInt } from "pure-rand/distribution/uniformInt"
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus"
import { quantileSorted } from "simple-statistics"
import { type Groups, groupsOf, influences, type Observation, varianceOfMean } from "./groups.ts"
import { normalCdf, normalQuantile, studentQuantile } from "./normal.ts"

export interface Interval {
  readonly low: number
  readonly high: number
}

export interface Resampling {
  readonly seed: number
  readonly resamples: number
  /** Such as 0.95. */
  readonly level: number
}

export const defaultResampling: Resampling = { seed: 20_241, resamples: 4000, level: 0.95 }

/**
 * With fewer groups, all of them lie on one side of the truth by bad luck alone more often than the level allows, and no
 * resampling of them can know: 2^(1-n) > 1 - level.
 */
export const fewestGroups = (level: number): number => Math.ceil(1 + Math.log2(1 / (1 - level)))

/** Of more, resampling takes long and tells what the normal distribution does. */
export const manyGroups = 10_000

/** Undefined where nothing honest can be said: too few groups, or all values the same. */
export const meanInterval = (
  observations: ReadonlyArray<Observation>,
  resampling: Resampling = defaultResampling
): Interval | undefined => {
  const groups = groupsOf(observations)
  const size = groups.sums.length
  const spread = influences(groups)
  const squares = spread.reduce((sum, value) => sum + value ** 2, 0)
  // What floating point leaves of values that are all the same is not spread.
  const isFlat = Math.sqrt(squares) <= 1e-12 * Math.max(1, Math.abs(groups.mean)) * groups.n
  if (size < fewestGroups(resampling.level) || isFlat) return undefined

  if (size > manyGroups) {
    const reach = normalQuantile((1 + resampling.level) / 2) * Math.sqrt(varianceOfMean(groups) ?? 0)
    return { low: groups.mean - reach, high: groups.mean + reach }
  }

  const means = resampledMeans(groups, resampling)
  const below = means.reduce((sum, mean) => sum + (mean < groups.mean ? 1 : mean === groups.mean ? 0.5 : 0), 0)
  const bias = normalQuantile(Math.min(Math.max(below, 1), means.length - 1) / means.length)
  const acceleration = spread.reduce((sum, value) => sum + value ** 3, 0) / (6 * squares ** 1.5)
  const reach = studentQuantile((1 + resampling.level) / 2, size - 1) * Math.sqrt(size / (size - 1))
  const share = (z: number) => normalCdf(bias + (bias + z) / (1 - acceleration * (bias + z)))
  const at = (z: number) => quantileSorted(means, Math.min(Math.max(share(z), 0), 1))
  return { low: at(-reach), high: at(reach) }
}

/** The same for the same seed, in ascending order. */
const resampledMeans = ({ counts, sums }: Groups, { resamples, seed }: Resampling): Array<number> => {
  const random = xoroshiro128plus(seed)
  const last = sums.length - 1
  const means = new Float64Array(resamples)
  for (let resample = 0; resample < resamples; resample += 1) {
    let sum = 0
    let count = 0
    for (let draw = 0; draw <= last; draw += 1) {
      const index = uniformInt(random, 0, last)
      sum += sums[index] ?? 0
      count += counts[index] ?? 0
    }
    means[resample] = sum / count
  }
  return Array.from(means.toSorted())
}
