/** Folders for what is kept, made with those above them, and for nobody else to read. */
import { Effect, FileSystem, PlatformError, Predicate, Schema } from "effect"
import { dirname, resolve } from "node:path"

export class NoFolder extends Schema.TaggedError<NoFolder>()("NoFolder", {
  folder: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `The folder ${this.folder} cannot be used: ${this.reason}`
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the disk is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk is full",
  ENAMETOOLONG: "the name is too long",
  EISDIR: "it is a folder",
  ENOTDIR: "it is no folder",
  ELOOP: "it is a link that leads nowhere",
  // The folder above is there, or was made.
  ENOENT: "nothing can be made there"
}

/** What the system says, in words. */
const reasonOf = ({ message, reason }: PlatformError.PlatformError): string => {
  const { cause } = reason
  const code = Predicate.hasProperty(cause, "code") ? String(cause.code) : ""
  return reasons[code] ?? message
}

/** The same of any failure, with the file that it is about. */
export const told = (error: { readonly message: string }): string => {
  if (!(error instanceof PlatformError.PlatformError)) return error.message
  const path = "pathOrDescriptor" in error.reason ? error.reason.pathOrDescriptor : undefined
  return Predicate.isString(path) ? `${path}: ${reasonOf(error)}` : reasonOf(error)
}

const typeOf = (path: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) =>
    fs.stat(path).pipe(
      Effect.map(({ type }) => type),
      Effect.orElseSucceed(() => undefined)
    )
  )

/**
 * One after the other: Node's own recursion tries for ever where nothing can be made in a folder that is there, such as
 * /proc, and keeps the process from ending.
 */
const make = Effect.fnUntraced(function* (folder: string): Effect.fn.Return<void, NoFolder, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const type = yield* typeOf(folder)
  if (type === "Directory") return
  if (type !== undefined) return yield* new NoFolder({ folder, reason: "there is a file of that name" })
  const above = dirname(folder)
  if (above !== folder) yield* make(above)
  yield* Effect.catch(fs.makeDirectory(folder, { mode: 0o700 }), (error) =>
    // Another run may have been faster.
    Effect.flatMap(typeOf(folder), (found) =>
      found === "Directory" ? Effect.void : Effect.fail(new NoFolder({ folder, reason: reasonOf(error) }))
    )
  )
})

/** Makes what is missing of it; fails where nothing can be kept in it. */
export const makeFolder = Effect.fn("Monitoring.makeFolder")(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  yield* Effect.mapError(make(resolve(folder)), ({ folder: part, reason }) =>
    part === resolve(folder) ? new NoFolder({ folder, reason }) : new NoFolder({ folder, reason: `${part}: ${reason}` })
  )
  yield* Effect.mapError(
    fs.access(folder, { writable: true }),
    (error) => new NoFolder({ folder, reason: reasonOf(error) })
  )
})

/** Fails where it is plain that nothing could be kept in it. Makes nothing. */
export const couldMake = Effect.fn("Monitoring.couldMake")(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  let there = resolve(folder)
  while ((yield* typeOf(there)) === undefined && dirname(there) !== there) there = dirname(there)
  const refuse = (reason: string) =>
    new NoFolder({ folder, reason: there === resolve(folder) ? reason : `${there}: ${reason}` })
  if ((yield* typeOf(there)) !== "Directory") return yield* refuse("there is a file of that name")
  yield* Effect.mapError(fs.access(there, { writable: true }), (error) => refuse(reasonOf(error)))
})

/** What is in it; nothing, where there is none. */
export const listed = Effect.fn("Monitoring.listed")(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* Effect.catch(fs.readDirectory(folder), (error) =>
    error.reason._tag === "NotFound"
      ? Effect.succeed([])
      : Effect.fail(new NoFolder({ folder, reason: reasonOf(error) }))
  )
})
