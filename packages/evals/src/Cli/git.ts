/** Which state of the sources is measured; nothing where there is no git. */
import { Effect, Option } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"

const git = (...args: ReadonlyArray<string>) =>
  Effect.flatMap(ChildProcessSpawner.ChildProcessSpawner, (spawner) =>
    spawner.string(ChildProcess.make("git", args, { stderr: "ignore" }))
  )

export const state = Effect.gen(function* () {
  const commit = (yield* git("rev-parse", "--short=12", "HEAD")).trim()
  const changes = (yield* git("status", "--porcelain")).trim()
  return commit === "" ? Option.none() : Option.some({ commit, isDirty: changes !== "" })
}).pipe(Effect.orElseSucceed(() => Option.none()))
