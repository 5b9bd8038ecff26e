/** The report as text: for a terminal, and for mail programs that show no HTML. */
import { type Cell, type Colour, Paint } from "../Paint.ts"
import { measures } from "./measures.ts"
import { judged, type Line, type Report, shown, shownChange } from "./Report.ts"

export const alertTold = ({
  minutes,
  name,
  severity,
  times
}: {
  name: string
  severity: string
  times: number
  minutes: number
}) => `${name} (${severity}): ${times === 1 ? "once" : `${times} times`}, ${minutes} min`

export const changeTold = (line: Line) =>
  `${measures[line.name].title}: ${shown(line.name, line.value)}, ${shownChange(line)} (${shown(line.name, line.mean)} on average)`

/** What the report says of changes, if there are none in it. */
export const noChanges = ({ isOver, lines }: Report) => {
  if (!isOver) return "The day is not over: nothing is compared."
  return lines.some(({ change }) => change !== null)
    ? "Nothing changed by a twentieth or more, of what there is enough of."
    : "no data"
}

const colours: Readonly<Record<"good" | "bad", Colour>> = { good: "green", bad: "red" }

export const render = (report: Report, { paint, table }: Paint["Service"]): string => {
  const { alerts, changes, date, isOver, lines, missing } = report
  const cell = (line: Line, value: number | null): Cell | string =>
    value === null ? { text: "no data", colour: "dim" } : shown(line.name, value)
  const change = (line: Line): Cell => {
    const judgement = judged(line)
    const text = isOver ? shownChange(line) : ""
    return judgement === undefined || !isOver ? { text } : { text, colour: colours[judgement] }
  }
  const days = Math.max(...lines.map(({ days }) => days))
  const indented = (all: ReadonlyArray<string>) => all.map((text) => `  ${text}`).join("\n")

  return [
    `${paint("bold", `Parley on ${date}`)} (UTC)${isOver ? "" : ", so far"}`,
    `${paint("bold", "Largest changes")}\n${
      changes.length === 0
        ? `  ${noChanges(report)}`
        : indented(
            lines
              .filter(({ name }) => changes.includes(name))
              .toSorted((a, b) => changes.indexOf(a.name) - changes.indexOf(b.name))
              .map(changeTold)
          )
    }`,
    `${paint("bold", "Alerts fired")}\n${
      alerts === null
        ? `  ${paint("dim", "no data")}`
        : indented(alerts.length === 0 ? ["none"] : alerts.map(alertTold))
    }`,
    table(
      ["", date, days === 0 ? "Days before" : `Mean of ${days} day${days === 1 ? "" : "s"} before`, "Change"],
      lines.map((line) => [measures[line.name].title, cell(line, line.value), cell(line, line.mean), change(line)])
    ),
    ...missing.map(({ reason, what }) => paint("yellow", `No data: ${what}. ${reason}.`))
  ].join("\n\n")
}
