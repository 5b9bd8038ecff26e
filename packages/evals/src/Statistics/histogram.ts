/** How many values lie where. */

export interface Bin {
  readonly from: number
  /** Not in the bin, but in the last one. */
  readonly to: number
  readonly count: number
}

/** Between 0 and 1 in tenths where all values are there, as judges score; else from the least to the greatest. */
export const histogram = (values: ReadonlyArray<number>, bins = 10): ReadonlyArray<Bin> => {
  if (values.length === 0) return []
  const least = values.reduce((a, b) => Math.min(a, b))
  const greatest = values.reduce((a, b) => Math.max(a, b))
  const isScore = least >= 0 && greatest <= 1
  const [start, end] = isScore ? [0, 1] : greatest === least ? [least, least + 1] : [least, greatest]
  const edge = (index: number) => start + ((end - start) * index) / bins
  const counts = Array.from({ length: bins }, () => 0)
  for (const value of values) {
    // Rounding may leave a value on an edge one bin too low: it belongs to the bin that begins there.
    let place = Math.min(bins - 1, Math.floor(((value - start) / (end - start)) * bins))
    if (place + 1 < bins && value >= edge(place + 1)) place += 1
    counts[place] = (counts[place] ?? 0) + 1
  }
  return counts.map((count, index) => ({ from: edge(index), to: edge(index + 1), count }))
}
