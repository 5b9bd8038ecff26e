import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { readFile, stat } from "node:fs/promises"
import { type EmbeddedPostgresError, attempt, failure, tail } from "./EmbeddedPostgresError.ts"

/**
 * PostgreSQL refuses to run as root; then it runs as this user. `undefined`, the usual case, is the user of this
 * process.
 */
export type RunAs = { readonly name: string; readonly uid: number; readonly gid: number } | undefined

/**
 * Nothing of the caller's environment (PGDATA, LD_LIBRARY_PATH, a locale this machine does not have) may change what
 * PostgreSQL does.
 */
export const environment = { PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", LC_ALL: "C", TZ: "UTC" }

/**
 * Data that exist keep their owner (root may work in somebody's project by sudo); new data get `nobody`, which every
 * Unix has.
 */
export const runAs = Effect.fnUntraced(function* (cluster: string): Effect.fn.Return<RunAs, EmbeddedPostgresError> {
  if (process.getuid?.() !== 0) return undefined
  const owner = yield* Effect.option(attempt("no data yet", () => stat(cluster)))
  if (owner._tag === "Some" && owner.value.uid !== 0) {
    return { name: `uid ${owner.value.uid}`, uid: owner.value.uid, gid: owner.value.gid }
  }
  const users = yield* attempt("cannot look up the user nobody", () => readFile("/etc/passwd", "utf8"))
  const [, , uid, gid] =
    users
      .split("\n")
      .find((line) => line.startsWith("nobody:"))
      ?.split(":") ?? []
  if (uid === undefined || gid === undefined) {
    return yield* failure("PostgreSQL does not run as root, and /etc/passwd has no user nobody to run it as")
  }
  return { name: "nobody", uid: Number(uid), gid: Number(gid) }
})

/** Runs a program to its end as that user and gives what it printed. */
export const run = (
  command: string,
  args: ReadonlyArray<string>,
  options: { readonly user: RunAs; readonly input?: string }
): Effect.Effect<string, EmbeddedPostgresError> =>
  Effect.callback((resume) => {
    const child = execFile(
      command,
      args,
      {
        cwd: "/",
        env: environment,
        uid: options.user?.uid,
        gid: options.user?.gid,
        timeout: 60_000,
        killSignal: "SIGKILL"
      },
      (error, stdout, stderr) => {
        const output = `${stdout}${stderr}`
        if (error === null) return resume(Effect.succeed(output))
        const how = error.killed === true ? "did not end within 60 seconds" : `failed (${error.code ?? error.signal})`
        resume(Effect.fail(failure(`${command} ${how}\n${tail(output)}`.trimEnd())))
      }
    )
    // A program that does not read its input closes it: its exit code says what happened, not this.
    child.stdin?.on("error", () => {})
    child.stdin?.end(options.input ?? "")
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/**
 * Whether that user can go into this folder: tried, because mode bits do not tell of ACLs, mounts and the folders
 * above.
 */
export const canEnter = (user: RunAs, folder: string): Effect.Effect<boolean> =>
  run("/bin/sh", ["-c", 'cd "$0"', folder], { user }).pipe(Effect.isSuccess)
