/** A row of the table: what it measures, how, and the bar it has to meet. To add one, write a file in `rows/` and list it in `main.ts`. */
import { Console, type Effect, type FileSystem, type Scope } from "effect"
import type { ChildProcessSpawner } from "effect/process"
import type { Postgres } from "./Postgres.ts"

export interface Row {
  /** For `--only`. */
  readonly name: string
  /** May start what it likes: it all ends with its scope. */
  readonly measure: Effect.Effect<ReadonlyArray<Line>, never, Services | Scope.Scope>
}

export type Services = ChildProcessSpawner.ChildProcessSpawner | FileSystem.FileSystem | Postgres

/** One line of the table. */
export interface Line {
  readonly what: string
  readonly measured: string
  /** How the single rounds spread: what a difference has to exceed to mean something. */
  readonly spread: string
  /** Lines without one are for information. */
  readonly bar?: Bar
}

export interface Bar {
  readonly text: string
  readonly met: boolean
}

export const atMost = (value: number, limit: number, unit: string): Bar => ({
  text: `<= ${limit} ${unit}`,
  met: value <= limit
})

export const atLeastPercent = (share: number, percent: number): Bar => ({
  text: `>= ${percent} %`,
  met: share * 100 >= percent
})

/** On standard error: the table alone goes to standard output. */
export const progress = (text: string): Effect.Effect<void> => Console.error(`  ${text}`)
