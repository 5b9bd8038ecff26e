import { assert, it } from "@effect/vitest"
import { madeUp } from "../../test/madeUp.ts"
import { histogramPlot } from "./plots.ts"
import { summarise } from "./summarise.ts"

const [metric] = summarise(madeUp({ samples: 8 }), { includeContent: false }).metrics

const plotted = (direction: "higher" | "lower", threshold: number, from: number, to: number) => {
  if (metric === undefined) return assert.fail("no metric")
  const plot = histogramPlot({ ...metric, direction, threshold, histogram: [{ from, to, count: 3 }] })
  return plot.text.includes('class="bar below"')
}

it("a bar is bad when none of its values can pass", () => {
  // All answers cost nothing and a cent is allowed: they share a bar with what would be too dear.
  assert.isFalse(plotted("lower", 0.01, 0, 0.1))
  assert.isTrue(plotted("lower", 0.01, 0.02, 0.1))
  assert.isFalse(plotted("higher", 0.69, 0.6, 0.7))
  assert.isTrue(plotted("higher", 0.8, 0.6, 0.7))
})
