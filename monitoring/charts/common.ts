/** What all kinds of charts share. */
import type { Chart } from "./Chart.ts"
import { theme } from "./theme.ts"

export type Of<Kind extends Chart["kind"]> = Extract<Chart, { readonly kind: Kind }>

export const shared = ({ title }: Chart) => ({
  animation: false,
  // The same on every machine.
  useUTC: true,
  backgroundColor: theme.background,
  textStyle: { fontFamily: theme.font, color: theme.text },
  color: [...theme.series],
  title: {
    text: title,
    left: 12,
    top: 8,
    textStyle: { fontFamily: theme.font, fontSize: 14, fontWeight: 600, color: theme.text }
  }
})

export const label = { fontFamily: theme.font, fontSize: 11, color: theme.faint }

const centred = (text: string, size: number, color: string) => ({
  text,
  left: "center",
  top: "middle",
  textStyle: { fontFamily: theme.font, fontSize: size, fontWeight: 600, color }
})

/** Where there is nothing to see it says so, as nothing could be mistaken for 0. */
export const noData = (chart: Chart) => {
  const { title, ...rest } = shared(chart)
  return { ...rest, title: [title, centred("no data", 16, theme.faint)] }
}
