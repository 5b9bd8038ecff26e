/** Reports are kept in a folder for each day. It is there whole or not at all, and one run at a time works on them. */
import { Context, DateTime, Effect, FileSystem, Option, Schema } from "effect"
import { makeFolder, told } from "../../stack/folder.ts"
import * as Lock from "../../stack/Lock.ts"

export class ArchiveFailed extends Schema.TaggedError<ArchiveFailed>()("ArchiveFailed", {
  folder: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `The report cannot be kept in ${this.folder}: ${this.reason}. MONITORING_DIR names another place.`
  }
}

export class AlreadyRunning extends Schema.TaggedError<AlreadyRunning>()("AlreadyRunning", {
  folder: Schema.String
}) {
  override get message() {
    return `Another run is at the reports in ${this.folder}. Run it again when that one has ended.`
  }
}

/** For how many seconds one run waits for another. A mail may take a minute. */
export const WaitSeconds = Context.Reference<number>("@parley/monitoring/WaitSeconds", { defaultValue: () => 90 })

/** What is kept is nobody else's business. */
const mode = 0o700

const leftBehind = /^\.(\d{4}-\d{2}-\d{2})\.(old|new)$/u

/** Of one day. */
export const make = Effect.fnUntraced(function* (monitoring: string, date: string) {
  const fs = yield* FileSystem.FileSystem
  const reports = `${monitoring}/reports`
  const folder = `${reports}/${date}`
  const beside = (end: string) => `${reports}/.${date}.${end}`
  const [sent, fresh, old] = [beside("sent"), beside("new"), beside("old")]
  const remove = (path: string) => fs.remove(path, { force: true, recursive: true })
  const failed = (error: { readonly message: string }) => new ArchiveFailed({ folder, reason: told(error) })

  /** What a run that was killed had set aside, of any day, and not replaced. What it had only begun goes. */
  const recovered = Effect.gen(function* () {
    for (const name of yield* fs.readDirectory(reports)) {
      const [, day, end] = leftBehind.exec(name) ?? []
      if (day === undefined) continue
      if (end === "new" || (yield* fs.exists(`${reports}/${day}`))) yield* remove(`${reports}/${name}`)
      else yield* fs.rename(`${reports}/${name}`, `${reports}/${day}`)
    }
  })

  return {
    folder,

    /** Fails where nothing can be kept, before there is anything to keep. */
    ready: Effect.mapError(makeFolder(reports), failed),

    /** No other run does anything about the reports meanwhile. */
    alone: <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      Effect.gen(function* () {
        const isAlone = yield* Effect.mapError(Lock.hold(`${reports}/.lock`, yield* WaitSeconds), failed)
        if (!isAlone) return yield* new AlreadyRunning({ folder: reports })
        yield* Effect.mapError(recovered, failed)
        return yield* effect
      }).pipe(Effect.scoped),

    /** In the place of what was kept before. */
    keep: Effect.fnUntraced(
      function* (files: ReadonlyArray<readonly [name: string, content: Uint8Array]>) {
        yield* remove(fresh)
        yield* fs.makeDirectory(fresh, { mode })
        for (const [name, content] of files) yield* fs.writeFile(`${fresh}/${name}`, content)
        yield* remove(old)
        if (yield* fs.exists(folder)) yield* fs.rename(folder, old)
        yield* fs.rename(fresh, folder)
        yield* remove(old)
      },
      // Half of it would only take the room that the disk has not.
      Effect.onError(() => Effect.ignore(remove(fresh))),
      Effect.mapError(failed)
    ),

    /** When the mail of the day was sent. */
    sentAt: Effect.gen(function* () {
      return (yield* fs.exists(sent)) ? Option.some((yield* fs.readFileString(sent)).trim()) : Option.none<string>()
    }).pipe(Effect.mapError(failed)),

    isSent: Effect.gen(function* () {
      yield* fs.writeFileString(sent, `${DateTime.formatIso(yield* DateTime.now)}\n`)
    }).pipe(Effect.mapError(failed))
  }
})
