/** The table, for the terminal and for docs/benchmarks.md. */
import { DateTime, Effect, FileSystem } from "effect"
import { createRequire } from "node:module"
import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import type { Line } from "./Row.ts"

const verdict = ({ bar }: Line): string => (bar === undefined ? "" : bar.met ? "met" : "MISSED")

const head = ["what", "measured", "rounds", "bar", ""]
const cells = (line: Line): ReadonlyArray<string> => [
  line.what,
  line.measured,
  line.spread,
  line.bar?.text ?? "-",
  verdict(line)
]

/** In columns, for a terminal. */
export const text = (lines: ReadonlyArray<Line>): string => {
  const rows = [head, ...lines.map(cells)]
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}

const markdown = (lines: ReadonlyArray<Line>): string =>
  [head, head.map(() => "---"), ...lines.map(cells)].map((row) => `| ${row.join(" | ")} |`).join("\n")

const require = createRequire(import.meta.url)
const versionOf = (name: string): string => require(`${name}/package.json`).version

const facts = (date: DateTime.Utc): string => {
  const versions = ["effect", "@langchain/langgraph", "@langchain/openai", "fastify", "jose"]
  const packages = versions.map((name) => `${name} ${versionOf(name)}`).join(", ")
  return `Measured on ${DateTime.formatIsoDateUtc(date)} with Node ${process.versions.node} on ${availableParallelism()} cores (${process.platform} ${process.arch}), which the load, the database and the model stub shared with the server. ${packages}.`
}

const path = fileURLToPath(new URL("../../../docs/benchmarks.md", import.meta.url))
const begin = "<!-- written by make bench: begin -->"
const end = "<!-- written by make bench: end -->"

/** Replaces the measured part of docs/benchmarks.md; what people wrote around it stays. */
export const write = Effect.fnUntraced(function* (lines: ReadonlyArray<Line>) {
  const fs = yield* FileSystem.FileSystem
  const page = yield* fs.readFileString(path)
  const [before, after] = [page.split(begin)[0], page.split(end)[1]]
  const measured = `${begin}\n${facts(yield* DateTime.now)}\n\n${markdown(lines)}\n${end}`
  yield* fs.writeFileString(path, `${before}${measured}${after}`)
}, Effect.orDie)
