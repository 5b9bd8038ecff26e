/** A chart: what is to be seen, from which `svg` makes a picture. Nothing here knows Prometheus or Grafana. */
import { BarChart, GaugeChart, LineChart } from "echarts/charts"
import { GridComponent, LegendComponent, MarkLineComponent, TitleComponent } from "echarts/components"
import * as echarts from "echarts/core"
import { SVGRenderer } from "echarts/renderers"
import { optionOf } from "./options.ts"

echarts.use([
  BarChart,
  GaugeChart,
  GridComponent,
  LegendComponent,
  LineChart,
  MarkLineComponent,
  SVGRenderer,
  TitleComponent
])

export interface Series {
  readonly name: string
  /** Milliseconds since 1970, and what was measured; NaN leaves a gap. */
  readonly points: ReadonlyArray<readonly [millis: number, value: number]>
}

/** A line across, such as a target. */
export interface Mark {
  readonly value: number
  readonly color: string
}

interface Shared {
  readonly title: string
  /** As Grafana names them: `s`, `percentunit`, `currencyEUR`, `short`, ... */
  readonly unit: string
  readonly decimals?: number
  /** Pixels. */
  readonly width: number
  readonly height: number
}

export type Chart = Shared &
  (
    | {
        readonly kind: "lines"
        readonly series: ReadonlyArray<Series>
        readonly marks?: ReadonlyArray<Mark>
        readonly stacked?: boolean
        readonly max?: number
      }
    | { readonly kind: "bars"; readonly bars: ReadonlyArray<{ readonly name: string; readonly value: number }> }
    | {
        /** One beside the other, such as days; the last is the one it is about, whose value stands beside the title. Without a value there is a gap. */
        readonly kind: "columns"
        readonly columns: ReadonlyArray<{ readonly name: string; readonly value?: number }>
        readonly marks?: ReadonlyArray<Mark>
      }
    | {
        readonly kind: "numbers"
        /** `text` is shown in the place of the number. */
        readonly numbers: ReadonlyArray<{ readonly name: string; readonly value?: number; readonly text?: string }>
        /** From which value on which colour. */
        readonly marks?: ReadonlyArray<Mark>
      }
    | { readonly kind: "dial"; readonly value?: number; readonly max: number; readonly marks: ReadonlyArray<Mark> }
  )

/** The same for the same chart, to the byte, but for names that ECharts makes up. */
export const svg = (chart: Chart): string => {
  const { height, width } = chart
  const instance = echarts.init(null, null, { renderer: "svg", ssr: true, width, height })
  try {
    instance.setOption(optionOf(chart))
    return instance.renderToSVGString()
  } finally {
    instance.dispose()
  }
}
