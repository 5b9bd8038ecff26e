import type { Metric, Model, Sample, Source } from "../Evaluation.ts"

/** A sample, and the metrics it is to be measured by. */
export interface Planned {
  readonly sample: Sample
  readonly metrics: ReadonlyArray<string>
}

/** What there is to do. Samples of the source `live` have no answers yet. */
export interface Plan {
  readonly source: Source
  readonly agent?: Model | undefined
  readonly planned: ReadonlyArray<Planned>
}

export const forAll = (samples: ReadonlyArray<Sample>, metrics: ReadonlyArray<Metric>): ReadonlyArray<Planned> => {
  const names = metrics.map(({ name }) => name)
  return samples.map((sample) => ({ sample, metrics: names }))
}
