/** The automation, run in this process: what it prints, and its exit code. No database of a `make dev` beside it is read. */
import { NodeServices } from "@effect/platform-node"
import { ConfigProvider, Console, Effect, Layer, Runtime } from "effect"
import { format } from "node:util"
import { run } from "../automation/Automation.ts"

export interface Ran {
  readonly code: number
  /** Standard output. */
  readonly output: string
  /** Standard error. */
  readonly complaints: string
}

export const automation =
  (env: Readonly<Record<string, string>>) =>
  (...args: ReadonlyArray<string>): Effect.Effect<Ran> =>
    Effect.gen(function* () {
      const [output, complaints]: [Array<string>, Array<string>] = [[], []]
      const said = {
        ...globalThis.console,
        log: (...words: ReadonlyArray<unknown>) => void output.push(format(...words)),
        error: (...words: ReadonlyArray<unknown>) => void complaints.push(format(...words))
      }
      const exit = yield* run(args).pipe(
        Effect.provide(
          ConfigProvider.layer(ConfigProvider.fromUnknown({ APP_ENV: "test", ...env })).pipe(
            Layer.provideMerge(NodeServices.layer)
          )
        ),
        Effect.provideService(Console.Console, said),
        Effect.exit
      )
      const code = yield* Effect.callback<number>((resume) =>
        Runtime.defaultTeardown(exit, (code) => resume(Effect.succeed(code)))
      )
      return { code, output: output.join("\n"), complaints: complaints.join("\n") }
    })
