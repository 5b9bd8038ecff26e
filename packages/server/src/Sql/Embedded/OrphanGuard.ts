import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import { join } from "node:path"
import { paths } from "./KeeperProtocol.ts"
import { environment } from "./RunAs.ts"

/** In this time the users, when they still live, have started another keeper. */
const graceSeconds = 10

/** Its input never comes, and ends when the keeper does. Then, if no other keeper took over, PostgreSQL is stopped. */
const script = `
read -r _
sleep ${graceSeconds}
read -r keeper < "$1"
case $keeper in *"\\"pid\\":$2}"*) ;; *) exit ;; esac
read -r pid < "$3" && [ "$pid" = "$4" ] && kill -INT "$4"
`

/**
 * Stops PostgreSQL after everything that knew of it was killed at once, as by `pkill -9 node`: a shell, because that is
 * no `node`, in a session of its own. As long as the scope is open it only waits.
 */
export const watch = (options: {
  readonly dataDir: string
  readonly cluster: string
  readonly postmaster: number
}): Effect.Effect<void, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const { cluster, dataDir, postmaster } = options
      const pidFile = join(cluster, "postmaster.pid")
      const args = ["-c", script, "sh", paths(dataDir).address, String(process.pid), pidFile, String(postmaster)]
      const child = spawn("/bin/sh", args, {
        cwd: "/",
        detached: true,
        env: environment,
        stdio: ["pipe", "ignore", "ignore"]
      })
      // Without a shell there is no guard, which only matters after such a crash.
      child.on("error", () => {})
      return child
    }),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  ).pipe(Effect.asVoid)
