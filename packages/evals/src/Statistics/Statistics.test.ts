import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus"
import { assert, describe, it } from "@effect/vitest"
import { defaultResampling, fewestGroups, meanInterval, type Interval } from "./bootstrap.ts"
import type { Observation } from "./groups.ts"
import { histogram } from "./histogram.ts"
import { normalCdf, normalQuantile, studentQuantile } from "./normal.ts"
import { passRate, wilson } from "./passRate.ts"
import { holm, signFlipP } from "./significance.ts"

const uniform = (seed: number) => {
  const random = xoroshiro128plus(seed)
  return () => (random.next() >>> 0) / 2 ** 32
}

/** As a judge scores: full marks for seven in ten, anything for the rest. */
const judge = (random: () => number) => (random() < 0.7 ? 1 : random())

const alone = (values: ReadonlyArray<number>): ReadonlyArray<Observation> => values.map((value) => ({ value }))

const width = (interval: Interval | undefined) => {
  assert.isDefined(interval)
  return interval === undefined ? Number.NaN : interval.high - interval.low
}

/** In how many of a hundred made-up evaluations the interval holds the mean they were drawn with. */
const coverage = (mean: number, draw: () => ReadonlyArray<Observation>, evaluations = 800) => {
  let held = 0
  for (let seed = 1; seed <= evaluations; seed += 1) {
    const interval = meanInterval(draw(), { seed, resamples: 599, level: 0.95 })
    if (interval !== undefined && interval.low <= mean && mean <= interval.high) held += 1
  }
  return (100 * held) / evaluations
}

describe("distributions", () => {
  it("the normal and Student's t are those of the tables", () => {
    for (const [p, z] of [
      [0.975, 1.959964],
      [0.995, 2.575829],
      [0.0005, -3.290527],
      [0.5, 0]
    ] as const) {
      assert.closeTo(normalQuantile(p), z, 2e-4)
      assert.closeTo(normalCdf(z), p, 1e-6)
    }
    for (const [p, degrees, t] of [
      [0.975, 5, 2.570582],
      [0.975, 10, 2.228139],
      [0.995, 7, 3.499483],
      [0.975, 39, 2.022691]
    ] as const) {
      assert.closeTo(studentQuantile(p, degrees), t, 0.005 * t)
    }
  })
})

describe("the interval of a mean", () => {
  const scores = alone(
    Array.from(
      { length: 40 },
      (
        (random) => () =>
          judge(random)
      )(uniform(3))
    )
  )

  it("is the same for the same seed, and hardly differs for another", () => {
    const first = meanInterval(scores)
    assert.deepStrictEqual(meanInterval(scores), first)
    const other = meanInterval(scores, { ...defaultResampling, seed: 99 })
    assert.notDeepEqual(other, first)
    assert.closeTo(other?.low ?? 0, first?.low ?? 1, 0.02)
    assert.closeTo(other?.high ?? 0, first?.high ?? 1, 0.02)
  })

  it("does not depend on the names of groups, and wider levels hold narrower ones", () => {
    const named = (prefix: string) => scores.map(({ value }, index) => ({ value, group: `${prefix}${index}` }))
    assert.deepStrictEqual(meanInterval(named("a")), meanInterval(scores))
    assert.isAbove(width(meanInterval(scores, { ...defaultResampling, level: 0.99 })), width(meanInterval(scores)))
  })

  it("says nothing of too few, or of values that are all the same", () => {
    for (const n of [0, 1, 2, 5]) assert.isUndefined(meanInterval(scores.slice(0, n)))
    assert.strictEqual(fewestGroups(0.95), 6)
    assert.isUndefined(meanInterval(alone(Array.from({ length: 40 }, () => 0.1))))
    assert.isUndefined(meanInterval(scores.map(({ value }, index) => ({ value, group: `group ${index % 5}` }))))
  })

  // Simulations have much to do when the machine has more to do.
  const patience = 60_000

  it(
    "holds the true mean about 95 times in a hundred",
    () => {
      const random = uniform(11)
      const drawn = (score: () => number) => () => alone(Array.from({ length: 40 }, score))
      for (const covered of [
        coverage(0.5, drawn(random)),
        coverage(
          0.85,
          drawn(() => judge(random))
        )
      ]) {
        assert.isAtLeast(covered, 93)
        assert.isAtMost(covered, 97)
      }
    },
    patience
  )

  it(
    "of groups whose samples are alike is wider, and holds the true mean as often",
    () => {
      const random = uniform(12)
      const draw = () =>
        Array.from({ length: 25 }, (_, group) => {
          const common = random()
          return Array.from({ length: 1 + Math.floor(random() * 5) }, () => ({
            value: 0.7 * common + 0.3 * random(),
            group: String(group)
          }))
        }).flat()
      const covered = coverage(0.5, draw)
      assert.isAtLeast(covered, 93)
      assert.isAtMost(covered, 97)
      const ignored = coverage(0.5, () => alone(draw().map(({ value }) => value)), 200)
      assert.isBelow(ignored, 88)
      const grouped = draw()
      assert.isAbove(width(meanInterval(grouped)), 1.3 * width(meanInterval(alone(grouped.map(({ value }) => value)))))
    },
    patience
  )

  it("of very many is that of the normal distribution, as resampling would have it", () => {
    const random = uniform(6)
    const values = alone(Array.from({ length: 10_001 }, random))
    const [many, nearly] = [
      meanInterval(values),
      meanInterval(values.slice(1), { ...defaultResampling, resamples: 1000 })
    ]
    assert.closeTo(many?.low ?? 0, nearly?.low ?? 1, 1e-3)
    assert.closeTo(many?.high ?? 0, nearly?.high ?? 1, 1e-3)
    const differences = values.map(({ value }) => ({ value: value - 0.494 }))
    assert.closeTo(signFlipP(differences, 1, 1), signFlipP(differences.slice(1), 1000, 1), 0.03)
  })

  it("takes no second for 5 metrics of 1000 samples", () => {
    const random = uniform(5)
    const values = alone(Array.from({ length: 1000 }, random))
    const start = process.cpuUsage()
    for (let metric = 0; metric < 5; metric += 1) meanInterval(values)
    assert.isBelow(process.cpuUsage(start).user / 1e6, 1)
  })
})

describe("the pass rate", () => {
  it("has the intervals that Newcombe published in 1998", () => {
    for (const [passed, n, low, high] of [
      [81, 263, 0.2553, 0.3662],
      [15, 148, 0.0624, 0.1605],
      [0, 20, 0, 0.1611],
      [1, 29, 0.0061, 0.1718]
    ] as const) {
      const interval = wilson(passed, n)
      assert.closeTo(interval?.low ?? -1, low, 5e-5)
      assert.closeTo(interval?.high ?? -1, high, 5e-5)
    }
  })

  const outcomes = (pattern: string, group?: (index: number) => string) =>
    Array.from(pattern, (letter, index) => ({ passed: letter === "+", group: group?.(index) }))

  it("says what it can of none and of one", () => {
    assert.deepStrictEqual(passRate([]), { n: 0, passed: 0 })
    assert.deepStrictEqual(passRate(outcomes("+")), { n: 1, passed: 1, rate: 1 })
    assert.deepStrictEqual(passRate(outcomes("++--", () => "one")), { n: 4, passed: 2, rate: 0.5 })
  })

  it("is that of independent samples without groups, and less sure when those of a group go together", () => {
    const pattern = "++++----".repeat(5)
    assert.closeTo(width(passRate(outcomes(pattern)).interval), width(wilson(20, 40)), 1e-9)
    const four = (index: number) => String(Math.floor(index / 4))
    assert.closeTo(width(passRate(outcomes(pattern, four)).interval), width(wilson(120 / 26, 120 / 13)), 1e-9)
    assert.deepStrictEqual(passRate(outcomes("+".repeat(40), four)).interval, wilson(10, 10))
  })
})

describe("the histogram", () => {
  it("puts scores into tenths, an edge with what follows it, and 1 into the last", () => {
    const counts = (values: ReadonlyArray<number>) => histogram(values).map(({ count }) => count)
    assert.deepStrictEqual(counts([0, 0.05, 0.1, 0.3, 0.7, 0.95, 1]), [2, 1, 0, 1, 0, 0, 0, 1, 0, 2])
    assert.deepStrictEqual(histogram([]), [])
    assert.strictEqual(histogram([0.2])[2]?.count, 1)
  })

  it("of other values goes from the least to the greatest", () => {
    const bins = histogram([100, 150, 200, 1100])
    assert.deepStrictEqual(
      bins.map(({ count }) => count),
      [2, 1, 0, 0, 0, 0, 0, 0, 0, 1]
    )
    assert.deepStrictEqual([bins[0]?.from, bins[9]?.to], [100, 1100])
    assert.strictEqual(
      histogram([7, 7]).reduce((sum, { count }) => sum + count, 0),
      2
    )
  })
})

describe("significance", () => {
  it("of differences of one sign is that of tossing as many coins", () => {
    assert.closeTo(signFlipP(alone(Array.from({ length: 6 }, () => 0.2)), 20_000, 1), 2 / 64, 0.004)
    assert.closeTo(signFlipP(alone([0.1, -0.1, 0.1, -0.1]), 20_000, 1), 1, 1e-9)
    assert.strictEqual(signFlipP(alone([0, 0, 0]), 100, 1), 1)
    assert.strictEqual(signFlipP([], 100, 1), 1)
  })

  it("of many questions is Holm's", () => {
    assert.deepStrictEqual(
      holm([0.01, 0.04, 0.03, 0.005]).map((p) => Number(p.toFixed(6))),
      [0.03, 0.06, 0.06, 0.02]
    )
    assert.deepStrictEqual(holm([]), [])
    assert.deepStrictEqual(holm([0.9, 0.8]), [1, 1])
  })
})
