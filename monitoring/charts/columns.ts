/** The same thing day by day, the last of which a report is about. */
import type { EChartsCoreOption } from "echarts/core"
import { label, noData, type Of, shared } from "./common.ts"
import { markLine } from "./lines.ts"
import { theme } from "./theme.ts"
import { formatted } from "./units.ts"

export const columns = (chart: Of<"columns">): EChartsCoreOption => {
  const { decimals, marks = [], unit } = chart
  const values = chart.columns.map(({ value }) => (value === undefined || !Number.isFinite(value) ? null : value))
  const known = values.filter((value) => value !== null)
  if (known.length === 0) return noData(chart)
  const last = values.length - 1
  const { title, ...rest } = shared(chart)
  return {
    ...rest,
    title: [title, { ...title, text: formatted(values[last] ?? undefined, unit, decimals), left: "auto", right: 12 }],
    grid: { left: 52, right: 12, top: 42, bottom: 28 },
    xAxis: {
      type: "category",
      data: chart.columns.map(({ name }) => name),
      axisLabel: { ...label, interval: 0, fontSize: 10 },
      axisTick: { show: false },
      axisLine: { lineStyle: { color: theme.border } }
    },
    yAxis: {
      type: "value",
      min: 0,
      splitNumber: 3,
      axisLabel: { ...label, formatter: (value: number) => formatted(value, unit) },
      splitLine: { lineStyle: { color: theme.grid } }
    },
    series: [
      {
        type: "bar",
        barCategoryGap: "30%",
        data: values.map((value, index) => ({
          value,
          itemStyle: { color: index === last ? theme.series[0] : theme.past, borderRadius: [2, 2, 0, 0] }
        })),
        markLine: markLine(marks, unit)
      }
    ]
  }
}
