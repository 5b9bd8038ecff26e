/** What ECharts is told of a chart. */
import type { EChartsCoreOption } from "echarts/core"
import type { Chart, Mark } from "./Chart.ts"
import { columns } from "./columns.ts"
import { label, noData, type Of, shared } from "./common.ts"
import { lines } from "./lines.ts"
import { colorOf, theme } from "./theme.ts"
import { formatted } from "./units.ts"

export const optionOf = (chart: Chart): EChartsCoreOption => {
  switch (chart.kind) {
    case "lines":
      return lines(chart)
    case "bars":
      return bars(chart)
    case "columns":
      return columns(chart)
    case "numbers":
      return numbers(chart)
    case "dial":
      return dial(chart)
  }
}

const bars = (chart: Of<"bars">): EChartsCoreOption => {
  const { decimals, unit } = chart
  if (chart.bars.length === 0) return noData(chart)
  // ECharts begins at the bottom.
  const all = chart.bars.toReversed()
  const longest = Math.max(...all.map(({ name }) => name.length)) * 6.4
  const names = Math.min(Math.max(longest, 40), chart.width * 0.55)
  return {
    ...shared(chart),
    grid: { left: names + 22, right: 76, top: 42, bottom: 14 },
    xAxis: { type: "value", min: 0, show: false },
    yAxis: {
      type: "category",
      data: all.map(({ name }) => name),
      axisLabel: { ...label, width: names, overflow: "truncate" },
      axisLine: { show: false },
      axisTick: { show: false }
    },
    series: [
      {
        type: "bar",
        data: all.map(({ value }) => value),
        barMaxWidth: 22,
        showBackground: true,
        backgroundStyle: { color: theme.grid },
        label: {
          show: true,
          position: "right",
          fontFamily: theme.font,
          fontSize: 12,
          color: theme.text,
          formatter: ({ value }: { readonly value: number }) => formatted(value, unit, decimals)
        }
      }
    ]
  }
}

const colorAt = (value: number | undefined, marks: ReadonlyArray<Mark>) =>
  value === undefined || !Number.isFinite(value)
    ? theme.faint
    : colorOf(marks.findLast((mark) => value >= mark.value)?.color ?? theme.text)

const numbers = (chart: Of<"numbers">): EChartsCoreOption => {
  const { decimals, height, marks = [], unit, width } = chart
  const { title, ...rest } = shared(chart)
  const all = chart.numbers
  if (all.length === 0) return noData(chart)
  const size = Math.min(32, (height - 44) / all.length - (all.length > 1 ? 22 : 8))
  const each = (height - 44) / all.length
  return {
    ...rest,
    title: [
      { ...title, textStyle: { ...title.textStyle, fontSize: 13, width: width - 20, overflow: "truncate" } },
      ...all.map(({ name, text, value }, index) => ({
        text: text ?? formatted(value, unit, decimals),
        subtext: all.length > 1 ? name : "",
        itemGap: 1,
        left: "center",
        top: 38 + each * index + (each - size - (all.length > 1 ? 22 : 6)) / 2,
        textStyle: {
          fontFamily: theme.font,
          fontSize: size,
          fontWeight: 600,
          color: text === undefined ? colorAt(value, marks) : theme.text
        },
        subtextStyle: label
      }))
    ]
  }
}

const dial = (chart: Of<"dial">): EChartsCoreOption => {
  const { decimals, height, marks, max, unit, value } = chart
  const colors = marks.map(({ color }, index) => [Math.min(1, (marks[index + 1]?.value ?? max) / max), colorOf(color)])
  const isKnown = value !== undefined && Number.isFinite(value)
  return {
    ...shared(chart),
    series: [
      {
        type: "gauge",
        min: 0,
        max,
        startAngle: 200,
        endAngle: -20,
        center: ["50%", "70%"],
        radius: Math.min(height * 0.46, chart.width * 0.4),
        progress: { show: isKnown, width: 16, itemStyle: { color: colorAt(value, marks) } },
        axisLine: { lineStyle: { width: 16, color: [[1, theme.grid]] } },
        pointer: { show: false },
        axisTick: { show: false },
        splitLine: { show: false },
        axisLabel: { show: false },
        detail: {
          offsetCenter: [0, "-8%"],
          fontFamily: theme.font,
          fontSize: 24,
          fontWeight: 600,
          color: colorAt(value, marks),
          formatter: () => formatted(value, unit, decimals)
        },
        title: { offsetCenter: [0, "32%"], ...label },
        data: [{ value: isKnown ? value : 0, name: `of ${formatted(max, unit)}` }]
      },
      {
        // Where the colours change.
        type: "gauge",
        min: 0,
        max,
        startAngle: 200,
        endAngle: -20,
        center: ["50%", "70%"],
        radius: Math.min(height * 0.46, chart.width * 0.4) + 6,
        axisLine: { lineStyle: { width: 4, color: colors } },
        pointer: { show: false },
        axisTick: { show: false },
        splitLine: { show: false },
        axisLabel: { show: false },
        detail: { show: false },
        data: []
      }
    ]
  }
}
