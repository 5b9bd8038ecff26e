/** Servers beside this process, each ended with its scope. */
import { Effect, Schedule } from "effect"
import { ChildProcess } from "effect/process"
import { createServer } from "node:net"
import { tmpdir } from "node:os"

/** Starts a command in a folder of no interest; what it has to complain of is seen here, unless it `isExpected`. */
export const start = (
  command: string,
  args: ReadonlyArray<string>,
  {
    env = {},
    isExpected = false
  }: { readonly env?: Readonly<Record<string, string>>; readonly isExpected?: boolean } = {}
) =>
  ChildProcess.make(command, args, {
    env,
    extendEnv: true,
    cwd: tmpdir(),
    stdin: "ignore",
    stdout: "ignore",
    stderr: isExpected ? "ignore" : "inherit",
    forceKillAfter: "10 seconds"
  }).pipe(
    Effect.mapError((cause) => new Error(`${command} does not start; \`make test\` says how to install it`, { cause })),
    Effect.orDie
  )

/** One that nobody listens on at this moment. */
export const freePort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})

/** Waits until a GET is answered with 200. */
export const answers = (url: string) =>
  Effect.tryPromise((signal) => fetch(url, { signal })).pipe(
    Effect.filterOrFail(
      ({ ok }) => ok,
      () => "not ready"
    ),
    Effect.retry(Schedule.spaced("100 millis")),
    Effect.timeout("90 seconds"),
    Effect.orDie
  )
