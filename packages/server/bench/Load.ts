/** Load on one address from a process of its own. */
import { Effect, Schema } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { createRequire } from "node:module"

const autocannon = createRequire(import.meta.url).resolve("autocannon")

export const connections = 50

const Result = Schema.fromJsonString(
  Schema.Struct({
    requests: Schema.Struct({ total: Schema.Int }),
    duration: Schema.Finite,
    errors: Schema.Int,
    non2xx: Schema.Int
  })
)

/** GETs as fast as the server lets it. Anything but a 2xx is a defect of the benchmark. */
export const get = Effect.fnUntraced(function* (url: string, token: string, seconds: number) {
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const flags = ["--json", "--no-progress", "-c", String(connections), "-d", String(seconds)]
  const output = yield* spawner.string(
    ChildProcess.make(process.execPath, [autocannon, ...flags, "-H", `authorization=Bearer ${token}`, url], {
      stderr: "ignore"
    })
  )
  const { duration, errors, non2xx, requests } = yield* Schema.decodeUnknownEffect(Result)(output)
  if (errors + non2xx > 0) return yield* Effect.die(new Error(`${errors} errors and ${non2xx} refusals from ${url}`))
  return { requests: requests.total, perSecond: requests.total / duration }
}, Effect.orDie)
