/** The database of `make dev`, which has another port whenever it starts, while it runs. */
import { Config, Effect, FileSystem, Option, Redacted, Schema } from "effect"

const Secret = Schema.fromJsonString(Schema.Struct({ password: Schema.String }))

/** Of PostgreSQL's own `postmaster.pid`: line 4 is the port, line 8 the state. */
const portOf = (pidFile: string) => {
  const lines = pidFile.split("\n")
  return lines[7]?.trim() === "ready" ? Number(lines[3]) : Number.NaN
}

export const isDevelopment = Effect.map(
  Effect.orDie(Config.withDefault(Config.String("APP_ENV"), "development")),
  (environment) => environment === "development"
)

/** Nothing, if it does not run, or in another environment than development. */
export const url = Effect.gen(function* () {
  if (!(yield* isDevelopment)) return Option.none()
  const fs = yield* FileSystem.FileSystem
  const cluster = `${yield* Config.withDefault(Config.NonEmptyString("DATA_DIR"), ".data")}/postgres/cluster`
  const port = portOf(yield* fs.readFileString(`${cluster}/postmaster.pid`))
  if (!Number.isInteger(port)) return Option.none()
  const { password } = yield* Schema.decodeUnknownEffect(Secret)(yield* fs.readFileString(`${cluster}/parley.json`))
  return Option.some(Redacted.make(`postgresql://parley:${encodeURIComponent(password)}@127.0.0.1:${port}/parley`))
}).pipe(Effect.orElseSucceed(() => Option.none<Redacted.Redacted>()))
