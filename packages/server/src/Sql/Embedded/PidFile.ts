import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { type EmbeddedPostgresError, attempt } from "./EmbeddedPostgresError.ts"
import { run } from "./RunAs.ts"

/** What `postmaster.pid` says: line 1 the process id, 4 the port, 8 the state. */
interface Entry {
  readonly pid: number
  readonly port: number
  readonly isReady: boolean
}

const file = (cluster: string): string => join(cluster, "postmaster.pid")

const read = (cluster: string): Effect.Effect<Entry | undefined> =>
  attempt("not running", () => readFile(file(cluster), "utf8")).pipe(
    Effect.map((text) => {
      const lines = text.split("\n")
      return { pid: Number(lines[0]), port: Number(lines[3]), isReady: lines[7]?.trim() === "ready" }
    }),
    Effect.orElseSucceed(() => undefined)
  )

/** Asking this file is how pg_ctl waits, too: PostgreSQL announces nowhere else that it takes connections. */
const often = Schedule.spaced("20 millis")

export const ready = (cluster: string, pid: number): Effect.Effect<void> =>
  read(cluster).pipe(
    Effect.repeat({ schedule: often, until: (entry) => entry?.pid === pid && entry.isReady }),
    Effect.asVoid
  )

/** The ready postmaster of this cluster, or `undefined` when none runs; waits while one is starting or stopping. */
export const settled = (cluster: string): Effect.Effect<Entry | undefined, EmbeddedPostgresError> =>
  Effect.gen(function* () {
    const entry = yield* read(cluster)
    if (entry === undefined) return { entry, isSettled: true }
    if (yield* isPostmaster(entry.pid, cluster)) return { entry, isSettled: entry.isReady }
    yield* disown(cluster)
    return { entry: undefined, isSettled: true }
  }).pipe(
    Effect.repeat({ schedule: often, until: ({ isSettled }) => isSettled }),
    Effect.map(({ entry }) => entry)
  )

/** A process id alone proves nothing: after a crash or a reboot it may be another program's, or a zombie's. */
export const isPostmaster = (pid: number, cluster: string): Effect.Effect<boolean> =>
  commandLine(pid).pipe(
    Effect.map((command) => `${command} `.includes(` -D ${cluster} `)),
    Effect.orElseSucceed(() => false)
  )

const commandLine = (pid: number): Effect.Effect<string, EmbeddedPostgresError> =>
  process.platform === "linux"
    ? attempt("no such process", () => readFile(`/proc/${pid}/cmdline`, "utf8")).pipe(
        Effect.map((text) => text.replaceAll("\0", " "))
      )
    : run("/bin/ps", ["-ww", "-o", "args=", "-p", String(pid)], { user: undefined }).pipe(
        Effect.map((text) => text.trimEnd())
      )

/**
 * PostgreSQL does not start while the process id in the file belongs to any process of its user. The file is not
 * removed, because by its line 7 PostgreSQL finds processes of the old server that still use the data. Only the id is
 * replaced, by one that PostgreSQL takes for stale: its parent's.
 */
const disown = (cluster: string): Effect.Effect<void, EmbeddedPostgresError> =>
  attempt(`cannot correct the stale ${file(cluster)}`, async () => {
    const text = await readFile(file(cluster), "utf8")
    // A crash or a full disk may have left an empty file, which PostgreSQL takes for one that is about to be written.
    if (/^\d+\n/.test(text)) await writeFile(file(cluster), text.replace(/^\d+/, String(process.pid)))
    else await rm(file(cluster))
  })
