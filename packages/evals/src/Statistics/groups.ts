/** What is resampled: samples of one group (variants of a question, turns of a conversation) are not independent. */

export interface Observation {
  readonly value: number
  /** Absent: the sample stands alone. */
  readonly group?: string | undefined
}

/** Sums and counts by group; a sample without a group is a group of one. */
export interface Groups {
  readonly sums: Float64Array
  readonly counts: Float64Array
  readonly n: number
  readonly mean: number
}

export const groupsOf = (observations: ReadonlyArray<Observation>): Groups => {
  const places = new Map<string, number>()
  const sums: Array<number> = []
  const counts: Array<number> = []
  let total = 0
  for (const { group, value } of observations) {
    const place = group === undefined ? sums.length : (places.get(group) ?? sums.length)
    if (group !== undefined) places.set(group, place)
    sums[place] = (sums[place] ?? 0) + value
    counts[place] = (counts[place] ?? 0) + 1
    total += value
  }
  const n = observations.length
  return { sums: Float64Array.from(sums), counts: Float64Array.from(counts), n, mean: total / n }
}

/** How far each group's sum is from what the mean of all would make it: the mean's influence values. */
export const influences = ({ counts, mean, sums }: Groups): Float64Array =>
  sums.map((sum, index) => sum - mean * (counts[index] ?? 0))

/** The variance of the mean, between groups. Undefined for fewer than two. */
export const varianceOfMean = (groups: Groups): number | undefined => {
  const size = groups.sums.length
  if (size < 2) return undefined
  const squares = influences(groups).reduce((sum, influence) => sum + influence * influence, 0)
  return (squares * size) / (size - 1) / groups.n ** 2
}
