/**
 * What a run has done, one JSON object a line, each written at once: whatever ends the process, nothing that was paid for
 * is lost, and the run can be resumed. Nothing in the file is ever changed.
 */
import { Effect, FileSystem, Option, Path, Schema, Semaphore } from "effect"
import { Git, Metric, Model, Result, RunSettings, Sample, Source, Stopped } from "../Evaluation.ts"
import { Misconfigured } from "../Misconfigured.ts"
import { hold } from "./lock.ts"

export const Begun = Schema.TaggedStruct("Begun", {
  /** Of these lines. */
  format: Schema.Literal(1),
  runId: Schema.String,
  startedAt: Schema.DateTimeUtcFromString,
  git: Schema.optionalKey(Git),
  source: Source,
  agent: Schema.optionalKey(Model),
  judge: Schema.optionalKey(Model),
  settings: RunSettings,
  metrics: Schema.Array(Metric)
})
export type Begun = typeof Begun.Type

const Entry = Schema.Union([
  Begun,
  /** A sample, and the metrics it is to be measured by. */
  Schema.TaggedStruct("Planned", { sample: Sample, metrics: Schema.Array(Schema.String) }),
  /** A sample of before, with its answer now. */
  Schema.TaggedStruct("Answered", { sample: Sample }),
  Schema.TaggedStruct("Evaluated", { result: Result }),
  /** The score is where the trace is. */
  Schema.TaggedStruct("Sent", { sampleId: Schema.String, metric: Schema.String }),
  Schema.TaggedStruct("Ended", {
    finishedAt: Schema.DateTimeUtcFromString,
    stopped: Schema.optionalKey(Stopped)
  })
])
export type Entry = typeof Entry.Type

const Line = Schema.fromJsonString(Entry)
const decodeLine = Schema.decodeUnknownOption(Line)
const encodeLine = Schema.encodeSync(Line)

export const pairOf = (sampleId: string, metric: string): string => JSON.stringify([sampleId, metric])

/** Everything the lines say, the later ones winning. */
export interface Logged {
  readonly begun: Begun
  readonly planned: Map<string, { sample: Sample; readonly metrics: ReadonlyArray<string> }>
  readonly results: Map<string, Result>
  readonly sent: Set<string>
}

export interface RunLog {
  readonly logged: Logged
  /** Nothing when no file is written. */
  readonly file: string | undefined
  readonly append: (...entries: ReadonlyArray<Entry>) => Effect.Effect<void>
}

const note = (logged: Logged, entry: Entry): void => {
  switch (entry._tag) {
    case "Planned":
      return void logged.planned.set(entry.sample.id, { sample: entry.sample, metrics: entry.metrics })
    case "Answered": {
      const planned = logged.planned.get(entry.sample.id)
      if (planned !== undefined) planned.sample = entry.sample
      return
    }
    case "Evaluated":
      return void logged.results.set(pairOf(entry.result.sampleId, entry.result.metric), entry.result)
    case "Sent":
      return void logged.sent.add(pairOf(entry.sampleId, entry.metric))
    case "Begun":
    case "Ended":
  }
}

const empty = (begun: Begun): Logged => ({ begun, planned: new Map(), results: new Map(), sent: new Set() })

/** A run that leaves no trace. */
export const inMemory = (begun: Begun): RunLog => {
  const logged = empty(begun)
  const append = (...entries: ReadonlyArray<Entry>) =>
    Effect.sync(() => entries.forEach((entry) => note(logged, entry)))
  return { logged, file: undefined, append }
}

/** Appends to the file until the scope closes. */
const opened = Effect.fnUntraced(function* (file: string, logged: Logged) {
  const fs = yield* FileSystem.FileSystem
  // What people wrote is in it.
  const handle = yield* Effect.orDie(fs.open(file, { flag: "a", mode: 0o600 }))
  const one = yield* Semaphore.make(1)
  const encoder = new TextEncoder()
  const append = (...entries: ReadonlyArray<Entry>) =>
    Effect.suspend(() => {
      const lines = entries.map((entry) => `${encodeLine(entry)}\n`).join("")
      for (const entry of entries) note(logged, entry)
      return entries.length === 0 ? Effect.void : handle.writeAll(encoder.encode(lines))
    }).pipe(Effect.orDie, Effect.uninterruptible, one.withPermits(1))
  return { logged, file, append }
})

const suffix = ".jsonl"

export const begin = Effect.fn("RunLog.begin")(function* (folder: string, begun: Begun) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const cannot = ({ message }: { readonly message: string }) =>
    new Misconfigured({ message: `Cannot write to ${folder}: ${message}` })
  yield* Effect.mapError(fs.makeDirectory(folder, { recursive: true }), cannot)
  const file = path.join(folder, `${begun.runId}${suffix}`)
  yield* hold(file, begun.runId)
  const log = yield* opened(file, empty(begun))
  yield* log.append(begun)
  return log
})

/** The run that began last. */
export const latest = Effect.fn("RunLog.latest")(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const names = yield* Effect.orElseSucceed(fs.readDirectory(folder), () => [])
  // Ids begin with their time.
  const last = names
    .filter((name) => name.endsWith(suffix))
    .toSorted()
    .at(-1)
  if (last === undefined) return yield* new Misconfigured({ message: `There is no run to resume in ${folder}` })
  return last.slice(0, -suffix.length)
})

/** Goes on where the run ended. A last line that was cut off when the process died is taken away. */
export const resume = Effect.fn("RunLog.resume")(function* (folder: string, runId: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = path.join(folder, `${runId}${suffix}`)
  const unreadable = (why: string) => new Misconfigured({ message: `Cannot resume the run ${runId}: ${why}` })
  if (!(yield* Effect.orDie(fs.exists(file)))) return yield* unreadable(`there is no ${file}`)
  yield* hold(file, runId)
  const text = yield* Effect.mapError(fs.readFileString(file), ({ message }) => unreadable(message))
  const whole = text.slice(0, text.lastIndexOf("\n") + 1)
  if (whole !== text) yield* Effect.orDie(fs.truncate(file, new TextEncoder().encode(whole).length))
  const [first = "", ...rest] = whole.split("\n").slice(0, -1)
  const begun = Option.getOrUndefined(decodeLine(first))
  if (begun?._tag !== "Begun") return yield* unreadable("its first line is not that of a run of this version")
  const logged = empty(begun)
  for (const [index, line] of rest.entries()) {
    const entry = decodeLine(line)
    if (Option.isNone(entry)) return yield* unreadable(`line ${index + 2} of ${file} cannot be read`)
    note(logged, entry.value)
  }
  return yield* opened(file, logged)
})
