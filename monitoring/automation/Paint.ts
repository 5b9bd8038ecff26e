/** Text for people: colours on a terminal alone (and never with NO_COLOR), tables as wide as the terminal. */
import { Config, Context, Effect, Layer, Stdio, Terminal } from "effect"
import { stripVTControlCharacters } from "node:util"

const codes = { red: 31, green: 32, yellow: 33, cyan: 36, bold: 1, dim: 2 } as const
export type Colour = keyof typeof codes

export interface Cell {
  readonly text: string
  readonly colour?: Colour
}

export class Paint extends Context.Service<
  Paint,
  {
    readonly paint: (colour: Colour, text: string) => string
    /** Aligned columns with a head; the last one may have several lines, and goes on in the next where the terminal ends. */
    readonly table: (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<Cell | string>>) => string
  }
>()("@parley/monitoring/Paint") {
  static readonly layer = Layer.effect(
    Paint,
    Effect.gen(function* () {
      const isTerminal = yield* (yield* Stdio.Stdio).stdoutIsTerminal
      const noColour = yield* Config.withDefault(Config.String("NO_COLOR"), "")
      const columns = yield* (yield* Terminal.Terminal).columns
      return make({ isColoured: isTerminal && noColour === "", width: isTerminal && columns > 0 ? columns : Infinity })
    })
  )
}

/** What others say may have a line's end in it, steer the terminal, or turn the order of letters round. */
export const plain = (text: string) =>
  stripVTControlCharacters(text)
    .replaceAll(/[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]+/gu, " ")
    .trim()

/** The same of several lines, which stay such, and where they begin. */
export const printable = (text: string) =>
  text
    .split("\n")
    .map((line) => `${/^ */u.exec(line)?.[0] ?? ""}${plain(line)}`)
    .join("\n")

const leastWidth = 24

const wrapped = (text: string, width: number): ReadonlyArray<string> =>
  text.split("\n").flatMap((paragraph) => {
    const wrapped: Array<string> = []
    for (const word of paragraph.split(" ")) {
      const last = wrapped.at(-1)
      if (last !== undefined && last.length + 1 + word.length <= width) wrapped[wrapped.length - 1] = `${last} ${word}`
      else wrapped.push(word)
    }
    return wrapped
  })

export const make = ({ isColoured, width }: { readonly isColoured: boolean; readonly width: number }) => {
  const paint = (colour: Colour, text: string) =>
    isColoured && text !== "" ? `\u001B[${codes[colour]}m${text}\u001B[0m` : text

  const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<Cell | string>>) => {
    const cells = [
      head.map((text): Cell => ({ text, colour: "bold" })),
      ...rows.map((row) =>
        row.map((cell): Cell =>
          typeof cell === "string" ? { text: printable(cell) } : { ...cell, text: printable(cell.text) }
        )
      )
    ]
    const widest = (text: string) => Math.max(...text.split("\n").map(({ length }) => length))
    const widths = head.map((_, index) => Math.max(...cells.map((row) => widest(row[index]?.text ?? ""))))
    const last = head.length - 1
    const before = widths.slice(0, last).reduce((sum, one) => sum + one + 2, 0)
    const left = Math.max(leastWidth, width - before)
    return cells
      .flatMap((row) => {
        const lines = row.map(({ text }, index) => (index === last ? wrapped(text, left) : text.split("\n")))
        return Array.from({ length: Math.max(...lines.map(({ length }) => length)) }, (_, number) =>
          row
            .map(({ colour }, index) => {
              const text = lines[index]?.[number] ?? ""
              const padded = index === last ? text : text.padEnd(widths[index] ?? 0)
              return colour === undefined || text === "" ? padded : paint(colour, padded)
            })
            .join("  ")
        )
      })
      .map((line) => line.trimEnd())
      .join("\n")
  }
  return Paint.of({ paint, table })
}
