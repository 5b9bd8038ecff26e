/** pg_dump and its kin, from PATH: without a password where others can see it, and with their failures in words. */
import { Effect, Fiber, Redacted, Schema, Stream } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"

export type Tool = "pg_dump" | "pg_restore" | "psql"

const howToGet =
  "Debian and its kin have it in the package postgresql-client, others at https://www.postgresql.org/download"

export class ToolMissing extends Schema.TaggedError<ToolMissing>()("ToolMissing", { tool: Schema.String }) {
  override get message(): string {
    return `${this.tool} is not on PATH. ${howToGet}.`
  }
}

export class ToolTooOld extends Schema.TaggedError<ToolTooOld>()("ToolTooOld", {
  tool: Schema.String,
  version: Schema.Finite,
  database: Schema.Finite
}) {
  override get message(): string {
    return `${this.tool} is of PostgreSQL ${this.version} and the database of ${this.database}: it must be at least as new. Install the client of PostgreSQL ${this.database} (https://www.postgresql.org/download), and have its folder first on PATH.`
  }
}

export class ToolFailed extends Schema.TaggedError<ToolFailed>()("ToolFailed", {
  tool: Schema.String,
  said: Schema.String
}) {
  override get message(): string {
    return `${this.tool} failed: ${this.said === "" ? "it does not say why" : this.said}`
  }
}

/** How the tools are told of a database: the password is in their environment, which others cannot see. */
export const connection = (address: Redacted.Redacted) => {
  const url = new URL(Redacted.value(address))
  const password = decodeURIComponent(url.password)
  url.password = ""
  return { args: ["--no-password", `--dbname=${url.href}`], env: password === "" ? {} : { PGPASSWORD: password } }
}

export interface Options {
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: ChildProcess.CommandInput
}

/** The end of it is what matters. */
const tail = (text: string): string => text.trim().slice(-2000)

/** A tool that runs until the scope ends: what it prints, and an effect that waits for its good end. */
export const spawn = Effect.fnUntraced(function* (tool: Tool, args: ReadonlyArray<string>, options: Options = {}) {
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const handle = yield* spawner
    .spawn(
      ChildProcess.make(tool, args, {
        // Its messages are shown as they are, in one language.
        env: { LC_MESSAGES: "C", ...options.env },
        extendEnv: true,
        stdin: options.stdin ?? "ignore",
        forceKillAfter: "10 seconds"
      })
    )
    .pipe(Effect.mapError(() => new ToolMissing({ tool })))
  const said = yield* Effect.forkScoped(
    Stream.runFold(
      Stream.decodeText(handle.stderr),
      () => "",
      (text, more) => (text + more).slice(-4000)
    )
  )
  const ended = Effect.gen(function* () {
    const code = yield* handle.exitCode
    const text = yield* Fiber.join(said)
    if (Number(code) !== 0) return yield* new ToolFailed({ tool, said: tail(text) })
  }).pipe(Effect.catchTag("PlatformError", ({ message }) => new ToolFailed({ tool, said: message })))
  return { stdout: handle.stdout, ended }
})

/** Runs it to its end; gives what it printed. */
export const run = (tool: Tool, args: ReadonlyArray<string>, options?: Options) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { ended, stdout } = yield* spawn(tool, args, options)
      const printed = yield* Stream.mkString(Stream.decodeText(stdout)).pipe(
        Effect.mapError(({ message }) => new ToolFailed({ tool, said: message }))
      )
      yield* ended
      return printed
    })
  )

/** Such as 18. */
const versionOf = (tool: Tool) =>
  Effect.map(run(tool, ["--version"]), (printed) => Number(/\(PostgreSQL\) (\d+)/u.exec(printed)?.[1] ?? 0))

/** Fails when a tool is not there, or older than the database. */
export const check = Effect.fnUntraced(function* (tools: ReadonlyArray<Tool>, database: number) {
  for (const tool of tools) {
    const version = yield* versionOf(tool)
    if (version < database) return yield* new ToolTooOld({ tool, version, database })
  }
})
