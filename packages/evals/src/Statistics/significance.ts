/** Whether a difference may be chance, and what to make of several such questions at once. */
import { uniformInt } from "pure-rand/distribution/uniformInt"
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus"
import { manyGroups } from "./bootstrap.ts"
import { groupsOf, type Observation } from "./groups.ts"
import { normalCdf } from "./normal.ts"

/**
 * How often chance alone makes a mean difference as great as this one: had A and B been the same, each group's
 * difference might as well have had the other sign (Fisher's randomisation test). Its error is right however few pairs there
 * are, where the bootstrap's is not.
 */
export const signFlipP = (differences: ReadonlyArray<Observation>, flips: number, seed: number): number => {
  const { sums } = groupsOf(differences)
  const total = Math.abs(sums.reduce((a, b) => a + b, 0))
  const seen = total - 1e-9
  if (sums.length > manyGroups) {
    const spread = Math.sqrt(sums.reduce((a, b) => a + b * b, 0))
    return spread === 0 ? 1 : 2 * (1 - normalCdf(total / spread))
  }
  const random = xoroshiro128plus(seed)
  let asGreat = 1
  for (let flip = 0; flip < flips; flip += 1) {
    let sum = 0
    let bits = 1
    for (const difference of sums) {
      if (bits === 1) bits = uniformInt(random, 0, 0x3fff_ffff) | 0x4000_0000
      sum += (bits & 1) === 0 ? difference : -difference
      bits >>= 1
    }
    if (Math.abs(sum) >= seen) asGreat += 1
  }
  return asGreat / (flips + 1)
}

/**
 * Of five metrics that did not change, one looks changed in every fourth comparison. Holm's p values (1979) keep the chance of
 * any false alarm at that of one question, whatever the metrics have to do with each other.
 */
export const holm = (ps: ReadonlyArray<number>): ReadonlyArray<number> => {
  const adjusted = Array.from({ length: ps.length }, () => 1)
  const order = ps.map((p, index) => ({ p, index })).toSorted((a, b) => a.p - b.p)
  let least = 0
  for (const [rank, { index, p }] of order.entries()) {
    least = Math.min(1, Math.max(least, p * (ps.length - rank)))
    adjusted[index] = least
  }
  return adjusted
}
