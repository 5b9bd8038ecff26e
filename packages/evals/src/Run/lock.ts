/** Two processes must not go on with the same run: each would pay for what the other does. */
import { Effect, FileSystem, Option } from "effect"
import { Misconfigured } from "../Misconfigured.ts"

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // It lives, and is somebody else's.
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
}

/** Held until the scope closes; that of a process that died is taken over. */
export const hold = Effect.fnUntraced(function* (file: string, runId: string) {
  const fs = yield* FileSystem.FileSystem
  const lock = `${file}.lock`
  const take = fs.writeFileString(lock, String(process.pid), { flag: "wx" }).pipe(
    Effect.as(true),
    Effect.catchIf(
      ({ reason }) => reason._tag === "AlreadyExists",
      () => Effect.succeed(false)
    ),
    Effect.orDie
  )
  const acquire = Effect.gen(function* () {
    if (yield* take) return
    const pid = Number(Option.getOrElse(yield* Effect.option(fs.readFileString(lock)), () => ""))
    const busy = new Misconfigured({ message: `The run ${runId} is under way in process ${pid}.` })
    if (pid > 0 && isAlive(pid)) return yield* busy
    yield* Effect.ignore(fs.remove(lock))
    if (!(yield* take)) return yield* busy
  })
  yield* Effect.acquireRelease(acquire, () => Effect.ignore(fs.remove(lock)))
})
