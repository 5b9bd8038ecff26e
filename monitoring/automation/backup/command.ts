/** `make monitoring-backup`: what monitoring is made of, kept without its secrets. */
import { DateTime, Effect, Option, Schema } from "effect"
import { Argument, CliError, Flag } from "effect/cli"
import { couldMake, makeFolder, told } from "../../stack/folder.ts"
import { Paint } from "../Paint.ts"
import * as Script from "../Script.ts"
import { settings } from "../settings.ts"
import * as Archive from "./Archive.ts"
import { differences } from "./differences.ts"
import * as Folder from "./Folder.ts"
import { collect, type Kept } from "./sources.ts"

export const Report = Schema.Struct({
  did: Schema.Literals(["made", "would make", "verified"]),
  state: Script.State,
  /** Nothing, if there is none. */
  archive: Schema.NullOr(Schema.String),
  files: Schema.Int,
  bytes: Schema.NullOr(Schema.Int),
  sha256: Schema.NullOr(Schema.String),
  /** Files of the folder that went, or would, because there are newer ones. */
  removed: Schema.Array(Schema.String),
  /** What is not well: sources that could not be read, differences from what is now, or why it is broken. */
  notes: Schema.Array(Schema.String)
})
export type Report = typeof Report.Type

/** How many are kept, unless one says otherwise. */
export const defaultKeep = 14

const about = "about.json"

const withAbout = Effect.fnUntraced(function* ({ files, missing }: Kept) {
  const made = DateTime.formatIso(yield* DateTime.now)
  return new Map([...files, [about, `${JSON.stringify({ format: 1, made, missing }, null, 2)}\n`]])
})

const nothing = { archive: null, files: 0, bytes: null, sha256: null, removed: [], notes: [] }

const failed = (did: Report["did"], archive: string | null) => (error: { readonly message: string }) =>
  Effect.succeed<Report>({ ...nothing, did, state: "critical", archive, notes: [told(error)] })

const make = Effect.fn("Backup.make")(function* (folder: string, keep: number, isDry: boolean) {
  const kept = yield* collect()
  const files = yield* withAbout(kept)
  const state = kept.missing.length === 0 ? "ok" : "warning"
  if (isDry) {
    // One more than there are.
    const removed = yield* Folder.outdated(folder, keep - 1)
    const report: Report = {
      ...nothing,
      did: "would make",
      state,
      archive: folder,
      files: files.size,
      removed,
      notes: kept.missing
    }
    return report
  }
  const { bytes, path, sum } = yield* Folder.add(folder, files)
  const removed = yield* Folder.outdated(folder, keep)
  yield* Folder.remove(folder, removed)
  const report: Report = {
    did: "made",
    state,
    archive: path,
    files: files.size,
    bytes,
    sha256: sum,
    removed,
    notes: kept.missing
  }
  return report
})

const verify = Effect.fn("Backup.verify")(function* (
  folder: string,
  given: Option.Option<string>,
  day: Option.Option<string>
) {
  const found = Option.isSome(given) ? given : yield* Folder.latest(folder, day)
  if (Option.isNone(found)) {
    const when = Option.match(day, { onNone: () => "", onSome: (name) => ` of ${name}` })
    return yield* failed("verified", null)({ message: `there is no backup${when} in ${folder}` })
  }
  const archive = found.value
  return yield* Archive.verify(archive).pipe(
    Effect.flatMap((files) =>
      Effect.map(collect(), (now): Report => {
        const notes = differences(files, now, about)
        return {
          ...nothing,
          did: "verified",
          state: notes.length === 0 ? "ok" : "warning",
          archive,
          files: files.size,
          notes
        }
      })
    ),
    Effect.catch(failed("verified", archive))
  )
})

const summaryOf = ({ archive, bytes, did, files, notes, state }: Report) => {
  if (state === "critical") {
    if (did !== "verified") return "no backup was made"
    return archive === null ? "nothing to verify" : `not a backup to rely on: ${archive}`
  }
  const remarks = notes.length === 0 ? "" : `; ${notes.length} ${notes.length === 1 ? "remark" : "remarks"}`
  if (did === "would make") return `would keep ${files} files in ${archive}${remarks}`
  const size = bytes === null ? "" : `, ${Math.ceil(bytes / 1024)} KiB`
  return `${did === "made" ? "kept" : "verified"} ${files} files${size}: ${archive}${remarks}`
}

const outcomeOf = Effect.fnUntraced(function* (found: Report) {
  const { paint } = yield* Paint
  const report = Script.shown(Report, found)
  const summary = summaryOf(report)
  const went = report.did === "made" ? "removed" : "would remove"
  const outcome: Script.Outcome = {
    state: report.state,
    summary,
    text: [
      `${yield* Script.painted(report.state)}  ${summary}`,
      ...report.notes.map((note) => paint(Script.colourOf[report.state], `  ${note}`)),
      ...report.removed.map((name) => `  ${went} ${name}`)
    ].join("\n"),
    json: yield* Effect.orDie(Schema.encodeEffect(Report)(found))
  }
  return outcome
})

interface Input extends Script.Common {
  readonly to: Option.Option<string>
  readonly keep: number
  readonly verify: boolean
  readonly archive: Option.Option<string>
}

export const run = Effect.fn("backup")(function* (input: Input) {
  const { directory } = yield* settings
  const folder = Option.getOrElse(input.to, () => `${directory}/backups`)
  const day = Option.map(input.date, ({ name }) => name)
  const refuse = (message: string) => Effect.fail(new CliError.ValidationError({ message }))
  if (input.verify) return yield* outcomeOf(yield* verify(folder, input.archive, day))
  if (Option.isSome(input.archive)) return yield* refuse("An archive is named to be verified: add --verify")
  if (Option.isSome(day)) {
    return yield* refuse("A backup is of now: --date is for --verify, and chooses the last backup of that day")
  }
  // Before anybody is asked anything.
  yield* input.dryRun ? couldMake(folder) : makeFolder(folder)
  const report = yield* Effect.catch(
    make(folder, input.keep, input.dryRun),
    failed(input.dryRun ? "would make" : "made", folder)
  )
  return yield* outcomeOf(report)
})

export const backup = Script.command("backup", {
  description:
    "Keeps dashboards, rules, provisioning and the configurations of Prometheus and Alertmanager, without their secrets, in a tar.gz with sums; or looks whether a backup is what it was, and how it differs from what is now. Exit codes: 0 kept, or as it was and as it is now; 1 something could not be read, or differs; 2 no backup was made, or there is none to rely on; 3 it could not begin.",
  flags: {
    ...Script.flags("With --verify: the last backup of that day"),
    to: Flag.String("to").pipe(
      Flag.withDescription("The folder of backups; MONITORING_DIR/backups without it"),
      Flag.withMetavar("FOLDER"),
      Flag.optional
    ),
    keep: Script.whole("keep", 1, 10_000, "backups").pipe(
      Flag.withDescription(`How many backups stay in the folder; ${defaultKeep} without it`),
      Flag.withMetavar("COUNT"),
      Flag.withDefault(defaultKeep)
    ),
    verify: Flag.Boolean("verify").pipe(
      Flag.withDescription("Restore an archive, the last one if none is named, into a temporary folder, and compare"),
      Flag.withDefault(false)
    ),
    archive: Argument.String("archive").pipe(Argument.withDescription("What to verify"), Argument.optional)
  },
  isJson: ({ json }) => json,
  run
})
