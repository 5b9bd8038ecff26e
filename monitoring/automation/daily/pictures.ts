/** Charts of the days, as PNG for the mail and the archive. What nobody knows anything of has none. */
import { DateTime } from "effect"
import { type Chart, svg } from "../../charts/Chart.ts"
import { png } from "../../charts/png.ts"
import { measures, type Name } from "./measures.ts"
import { type Line, type Report, shown } from "./Report.ts"

export interface Picture {
  readonly file: string
  /** By which a mail names it. */
  readonly cid: string
  /** For those who do not see it. */
  readonly alt: string
  readonly content: Uint8Array
}

/** Pixels in the mail; the file has twice as many, for screens that have. */
export const size = { width: 276, height: 172 } as const

const drawn = [
  "users_active",
  "turns",
  "cost",
  "payment_amount",
  "latency_p95",
  "arr"
] as const satisfies ReadonlyArray<Name>
/** Two beside each other. */
const most = 4

const weekday = (day: string) =>
  DateTime.formatUtc(DateTime.makeUnsafe(`${day}T00:00:00Z`), { locale: "en-US", weekday: "short" })

const chart = (line: Line, days: ReadonlyArray<string>): Chart => {
  const { decimals, title, unit } = measures[line.name]
  return {
    ...size,
    kind: "columns",
    title,
    unit,
    ...(decimals === undefined ? {} : { decimals }),
    columns: days.map((day, index) => {
      const value = line.series[index] ?? null
      return value === null ? { name: weekday(day) } : { name: weekday(day), value }
    })
  }
}

const alt = ({ mean, name, value }: Line, date: string) =>
  `${measures[name].title} by day: ${shown(name, value)} on ${date}, ${shown(name, mean)} on average before`

export const draw = ({ date, days, lines }: Report): ReadonlyArray<Picture> =>
  drawn
    .flatMap((name) => lines.filter((line) => line.name === name && line.series.some((value) => value !== null)))
    .slice(0, most)
    .map((line) => ({
      file: `${line.name.replaceAll("_", "-")}.png`,
      cid: `${line.name}@parley`,
      alt: alt(line, date),
      content: png(svg(chart(line, days)), 2)
    }))
