/** Reports are kept in a folder for each day. It is there whole or not at all, and one run at a time works on a day. */
import { Clock, DateTime, Effect, FileSystem, Option, type PlatformError, Schema } from "effect"

export class ArchiveFailed extends Schema.TaggedError<ArchiveFailed>()("ArchiveFailed", {
  folder: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `The report cannot be kept in ${this.folder}: ${this.reason}. MONITORING_DIR names another place.`
  }
}

export class AlreadyRunning extends Schema.TaggedError<AlreadyRunning>()("AlreadyRunning", {
  date: Schema.String,
  lock: Schema.String
}) {
  override get message() {
    return `Another run is at the report of ${this.date}. If there is none any more, remove ${this.lock}, or wait for ten minutes.`
  }
}

/** No run takes so long: one that was killed left its lock. */
const longestRunMillis = 10 * 60_000

/** What is kept is nobody else's business. */
const mode = 0o700

/** Of one day. */
export const make = Effect.fnUntraced(function* (monitoring: string, date: string) {
  const fs = yield* FileSystem.FileSystem
  const reports = `${monitoring}/reports`
  const folder = `${reports}/${date}`
  const beside = (end: string) => `${reports}/.${date}.${end}`
  const [lock, sent, fresh, old] = [beside("lock"), beside("sent"), beside("new"), beside("old")]
  const remove = (path: string) => fs.remove(path, { force: true, recursive: true })
  const failed = ({ message }: PlatformError.PlatformError) => new ArchiveFailed({ folder, reason: message })

  const isLeft = Effect.gen(function* () {
    const { mtime } = yield* fs.stat(lock)
    const now = yield* Clock.currentTimeMillis
    return Option.exists(mtime, (at) => now - at.getTime() > longestRunMillis)
  }).pipe(Effect.orElseSucceed(() => false))

  const take = Effect.gen(function* () {
    yield* Effect.mapError(fs.makeDirectory(reports, { recursive: true, mode }), failed)
    if (yield* isLeft) yield* Effect.mapError(remove(lock), failed)
    yield* Effect.mapError(fs.writeFileString(lock, "", { flag: "wx" }), (error) =>
      error.reason._tag === "AlreadyExists" ? new AlreadyRunning({ date, lock }) : failed(error)
    )
  })

  return {
    folder,

    /** No other run does anything about this day meanwhile. */
    alone: <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      Effect.acquireUseRelease(
        take,
        () => effect,
        () => Effect.ignore(remove(lock))
      ),

    /** In the place of what was kept before. */
    keep: Effect.fnUntraced(function* (files: ReadonlyArray<readonly [name: string, content: Uint8Array]>) {
      yield* remove(fresh)
      yield* fs.makeDirectory(fresh, { mode })
      for (const [name, content] of files) yield* fs.writeFile(`${fresh}/${name}`, content)
      yield* remove(old)
      if (yield* fs.exists(folder)) yield* fs.rename(folder, old)
      yield* fs.rename(fresh, folder)
      yield* remove(old)
    }, Effect.mapError(failed)),

    /** When the mail of the day was sent. */
    sentAt: Effect.gen(function* () {
      return (yield* fs.exists(sent)) ? Option.some((yield* fs.readFileString(sent)).trim()) : Option.none<string>()
    }).pipe(Effect.mapError(failed)),

    isSent: Effect.gen(function* () {
      yield* fs.writeFileString(sent, `${DateTime.formatIso(yield* DateTime.now)}\n`)
    }).pipe(Effect.mapError(failed))
  }
})
