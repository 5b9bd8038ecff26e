/** Several charts in one picture, placed by a grid of 24 columns, as on a dashboard. */
import { type Chart, svg } from "./Chart.ts"
import { theme } from "./theme.ts"

export interface Placed {
  readonly chart: Chart
  readonly x: number
  readonly y: number
}

export interface Sheet {
  readonly title: string
  readonly note: string
  readonly width: number
  readonly height: number
  readonly charts: ReadonlyArray<Placed>
}

const headHeight = 58

const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")

const text = (content: string, y: number, size: number, weight: number, color: string) =>
  `<text x="16" y="${y}" font-family="${theme.font}" font-size="${size}" font-weight="${weight}" fill="${color}">${escaped(content)}</text>`

/** ECharts names its clip paths alike in every picture; those in one picture need names of their own. */
const unique = (drawing: string, index: number) => drawing.replaceAll(/\b(zr\d+-)/gu, `c${index}-$1`)

export const sheet = ({ charts, height, note, title, width }: Sheet): string =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${width}" height="${height + headHeight}">`,
    `<rect width="100%" height="100%" fill="${theme.page}"/>`,
    text(title, 26, 19, 600, theme.text),
    text(note, 46, 12, 400, theme.faint),
    ...charts.flatMap(({ chart, x, y }, index) => [
      `<g transform="translate(${x} ${y + headHeight})">`,
      unique(svg(chart), index),
      `<rect x="0.5" y="0.5" width="${chart.width - 1}" height="${chart.height - 1}" fill="none" stroke="${theme.border}" rx="3"/>`,
      "</g>"
    ]),
    "</svg>"
  ].join("\n")
