import { assert, describe, it } from "@effect/vitest"
import { runsOf } from "./alerts.ts"
import { counted } from "./observed.ts"
import { changesOf, line, shownChange } from "./Report.ts"

describe("changes", () => {
  const week = (mean: number, value: number) => [...Array.from({ length: 7 }, () => mean), value]
  it("are the three largest, of what there is enough of", () => {
    const lines = [
      line("users_active", week(100, 150)),
      line("turns", week(1000, 200)),
      line("payments_succeeded", week(100, 104)),
      // Three times as many, of next to none.
      line("payments_failed", week(1, 3)),
      line("payment_rate", week(0.99, 0.97)),
      line("requests", week(10_000, 13_000)),
      line("error_rate", week(0, 0.02)),
      line("latency_p95", [null, null, null, null, null, null, null, 3])
    ]
    assert.deepStrictEqual(changesOf(lines), ["error_rate", "turns", "users_active"])
    assert.deepStrictEqual(lines.map(shownChange), ["+50 %", "−80 %", "+4 %", "+200 %", "−2 %", "+30 %", "from 0", ""])
  })

  it("are not told of numbers that are beyond telling", () => {
    const lines = [line("arr", week(1.7e308, 1.7e308)), line("arr", week(1e-300, 1.7e308)), line("arr", week(1, 1e307))]
    assert.deepStrictEqual(
      lines.map(({ change }) => change),
      [null, null, 1e307]
    )
    assert.deepStrictEqual(lines.map(shownChange), ["", "", ""])
  })

  it("are of the days that are known", () => {
    const { days, mean } = line("turns", [null, null, null, null, null, 10, 20, 30])
    assert.deepStrictEqual([days, mean], [2, 15])
  })
})

describe("what is counted by day", () => {
  const days = ["1", "2", "3", "4"]
  const rows = [{ date: "2", count: 5 }]
  const of = (known: boolean, all = rows) => counted(days, all, known)(({ count }) => count)
  it("is unknown before there was anything, and 0 on days without", () => {
    assert.deepStrictEqual(of(false), [null, 5, 0, 0])
    assert.deepStrictEqual(of(true), [0, 5, 0, 0])
    assert.deepStrictEqual(of(false, []), [null, null, null, null])
  })
})

it("an alert that comes back has fired again", () => {
  const minute = 60_000
  assert.strictEqual(runsOf([]), 0)
  assert.strictEqual(runsOf([0, 1, 2].map((n) => n * minute)), 1)
  assert.strictEqual(runsOf([0, 1, 5, 6, 20].map((n) => n * minute)), 3)
})
