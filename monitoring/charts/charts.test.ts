import { assert, describe, it } from "@effect/vitest"
import { type Chart, svg } from "./Chart.ts"
import { png } from "./png.ts"
import { sheet } from "./Sheet.ts"
import { formatted } from "./units.ts"

const minute = 60_000
const series = (name: string, ...values: ReadonlyArray<number>) => ({
  name,
  points: values.map((value, index) => [1_796_000_000_000 + index * minute, value] as const)
})

const latency: Chart = {
  kind: "lines",
  title: "Latency",
  unit: "s",
  series: [series("p50", 0.2, 0.3, 0.2), series("p95", 0.9, Number.NaN, 1.5)],
  marks: [{ value: 5, color: "red" }],
  width: 480,
  height: 260
}

/** All that is written in a drawing. */
const texts = (drawing: string) => [...drawing.matchAll(/<text[^>]*>([^<]+)<\/text>/gu)].map(([, text]) => text)

/** Width and height of a picture, as its header has them. */
const sizeOf = (picture: Uint8Array) => {
  const view = new DataView(picture.buffer, picture.byteOffset)
  return [view.getUint32(16), view.getUint32(20)]
}

describe("a chart", () => {
  it("shows its title, its series with their last values, and its line", () => {
    const written = texts(svg(latency))
    for (const text of ["Latency", "p50  200 ms", "p95  1.5 s", "5 s"]) assert.include(written, text)
  })

  it("says that there is no data, instead of drawing nothing or 0", () => {
    const shared = { title: "Nothing", unit: "currencyEUR", width: 300, height: 200 } as const
    const empty: ReadonlyArray<Chart> = [
      { ...shared, kind: "lines", series: [] },
      { ...shared, kind: "lines", series: [series("unknown", Number.NaN)] },
      { ...shared, kind: "bars", bars: [] },
      { ...shared, kind: "columns", columns: [{ name: "Mon" }, { name: "Tue", value: Number.NaN }] },
      { ...shared, kind: "numbers", numbers: [] },
      { ...shared, kind: "numbers", numbers: [{ name: "unknown", value: Number.NaN }] },
      { ...shared, kind: "dial", max: 3, marks: [] }
    ]
    for (const chart of empty) {
      assert.include(texts(svg(chart)), "no data", chart.kind)
      assert.notInclude(texts(svg(chart)), "€0", chart.kind)
    }
  })

  it("becomes a picture of its size, or of twice that", () => {
    for (const scale of [1, 2]) {
      const picture = png(svg(latency), scale)
      assert.deepStrictEqual(
        [...picture.subarray(1, 4)],
        [..."PNG"].map((letter) => letter.charCodeAt(0))
      )
      assert.deepStrictEqual(sizeOf(picture), [480 * scale, 260 * scale])
    }
  })

  it("has its words drawn with the font that comes along", () => {
    const words = (title: string) => png(svg({ ...latency, title })).length
    assert.isAbove(words("Latency of every single route"), words(""))
  })

  it("is stacked by the moment, also when one series begins later", () => {
    const late = { name: "late", points: series("late", 0, 0, 1).points.slice(2) }
    const stacked = (...all: ReadonlyArray<typeof late>) => svg({ ...latency, series: all, stacked: true, marks: [] })
    const paths = (drawing: string) => [...drawing.matchAll(/ d="([^"]+)"/gu)].map(([, path]) => path)
    assert.deepStrictEqual(
      paths(stacked(series("a", 1, 1, 1), late)),
      paths(stacked(series("a", 1, 1, 1), series("late", 0, 0, 1)))
    )
  })

  it("draws a line where it is, however small", () => {
    const at = (value: number) => {
      const drawing = svg({ ...latency, series: [series("share", 0.04, 0.04)], marks: [{ value, color: "red" }] })
      return /d="M62 ([\d.]+)L[^"]*"[^>]*stroke="#c4162a"/u.exec(drawing)?.[1]
    }
    assert.isDefined(at(0.005))
    assert.notStrictEqual(at(0.005), at(0.01))
  })

  it("has a column for each day but those without data, and the value of the last beside the title", () => {
    const days: Chart = {
      kind: "columns",
      title: "Turns",
      unit: "short",
      columns: [{ name: "Mon", value: 41 }, { name: "Tue" }, { name: "Wed", value: 0 }, { name: "Thu", value: 37 }],
      width: 284,
      height: 180
    }
    const written = texts(svg(days))
    for (const text of ["Turns", "Mon", "Tue", "Wed", "Thu", "37"]) assert.include(written, text)
    assert.notInclude(written, "41")
    const columns = (drawing: string) => [...drawing.matchAll(/fill="#(?:3274d9|b9cdee)"/gu)].length
    assert.strictEqual(columns(svg(days)), 3)
  })

  it("stands beside others in one picture, and none cuts into another", () => {
    const charts = [latency, { ...latency, title: "Again" }].map((chart, index) => ({ chart, x: index * 500, y: 0 }))
    const drawing = sheet({ title: "R & D", note: "of today", width: 1000, height: 300, charts })
    for (const text of ["R &amp; D", "of today", "Latency", "Again"]) assert.include(texts(drawing), text)
    const ids = [...drawing.matchAll(/ id="([^"]+)"/gu)].map(([, id]) => id)
    assert.strictEqual(new Set(ids).size, ids.length)
  })
})

describe("numbers", () => {
  it.each([
    [0.00042, "s", undefined, "420 µs"],
    [0.0123, "s", undefined, "12.3 ms"],
    [1.5, "s", undefined, "1.5 s"],
    [900, "s", undefined, "15 min"],
    [0, "s", undefined, "0 s"],
    [2.5, "currencyEUR", 2, "€2.50"],
    [18_250, "currencyEUR", 0, "€18,250"],
    [25_000, "currencyEUR", undefined, "€25K"],
    [0.0042, "percentunit", 2, "0.42 %"],
    [0.95, "percentunit", undefined, "95 %"],
    [3 * 1024 ** 2, "bytes", undefined, "3 MiB"],
    [12.34, "reqps", undefined, "12.3 /s"],
    [1_250_000, "short", undefined, "1.3M"],
    [0, "short", undefined, "0"],
    [1.7e308, "currencyEUR", 2, "€1.7e+308"],
    [-1.7e308, "short", undefined, "-1.7e+308"],
    [1.7e308, "percentunit", 2, "no data"],
    [Number.NaN, "currencyEUR", 2, "no data"]
  ] as const)("%d %s are written as people read them", (value, unit, decimals, text) => {
    assert.strictEqual(formatted(value, unit, decimals), text)
  })
})
