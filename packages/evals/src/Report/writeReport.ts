/** Writes a report and what is made of it, so that nobody reads half of one and none takes another's place. */
import { DateTime, Effect, FileSystem, Path, type PlatformError, Runtime, Schema } from "effect"
import { page } from "./html.ts"
import { markdown } from "./markdown.ts"
import { Report } from "./Report.ts"

const ReportFile = Schema.fromJsonString(Report, { space: 2 })

const encode = Schema.encodeEffect(ReportFile)
const decode = Schema.decodeUnknownEffect(ReportFile)

/** A path that is no report of this version; `message` says of what it is not. */
export class ReportUnreadable extends Schema.TaggedError<ReportUnreadable>()("ReportUnreadable", {
  path: Schema.String,
  reason: Schema.String
}) {
  override readonly [Runtime.errorExitCode] = 2
  override get message(): string {
    return `${this.path} is not a report that can be read: ${this.reason}`
  }
}

export const readReport = Effect.fn("Evals.readReport")(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const unreadable = (error: { readonly message: string }) => new ReportUnreadable({ path, reason: error.message })
  const text = yield* Effect.mapError(fs.readFileString(path), unreadable)
  return yield* Effect.mapError(decode(text), unreadable)
})

export interface ReportPaths {
  readonly json: string
  readonly markdown: string
  readonly html: string
}

/** evaluation_report_20261127_140509 */
const stemOf = (time: DateTime.Utc) =>
  `evaluation_report_${DateTime.formatIso(time).slice(0, 19).replace(/[-:]/gu, "").replace("T", "_")}`

/**
 * Named by when it ended; a second report of the same second gets `_2`. A folder of the name, which only one can make,
 * holds the place while the files are written; they are then moved, the JSON last.
 */
export const writeReport = Effect.fn("Evals.writeReport")(function* (report: Report, folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const files = { md: markdown(report), html: page(report), json: `${yield* Effect.orDie(encode(report))}\n` }
  // Texts of users are for who asked for them.
  const mode = report.isContentIncluded ? 0o600 : 0o644
  yield* fs.makeDirectory(folder, { recursive: true })

  const write = (stem: string): Effect.Effect<ReportPaths | undefined, PlatformError.PlatformError> =>
    Effect.gen(function* () {
      const place = path.join(folder, `.${stem}`)
      const claim = Effect.as(fs.makeDirectory(place), true).pipe(
        Effect.catchIf(
          ({ reason }) => reason._tag === "AlreadyExists",
          () => Effect.succeed(false)
        )
      )
      const isMine = yield* Effect.acquireRelease(claim, (isMine) =>
        isMine ? Effect.ignore(fs.remove(place, { recursive: true })) : Effect.void
      )
      const final = (kind: string) => path.join(folder, `${stem}.${kind}`)
      if (!isMine || (yield* fs.exists(final("json")))) return undefined
      for (const [kind, text] of Object.entries(files))
        yield* fs.writeFileString(path.join(place, kind), text, { mode })
      yield* Effect.uninterruptible(
        Effect.forEach(Object.keys(files), (kind) => fs.rename(path.join(place, kind), final(kind)), { discard: true })
      )
      return { json: final("json"), markdown: final("md"), html: final("html") }
    }).pipe(Effect.scoped)

  const stem = stemOf(report.finishedAt)
  for (let count = 1; ; count += 1) {
    const paths = yield* write(count === 1 ? stem : `${stem}_${count}`)
    if (paths !== undefined) return paths
  }
})
