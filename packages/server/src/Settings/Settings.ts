/**
 * Where settings come from, and the check at boot that names every bad one at once.
 * Each room keeps the settings it reads in its own `settings`; `all` is their list.
 */
import { ConfigProvider, Effect, FileSystem, Layer, Schema } from "effect"
import { settings as agent } from "../Agent/settings.ts"
import { settings as auth } from "../Auth/settings.ts"
import { settings as edge } from "../Edge/settings.ts"
import { settings as sql } from "../Sql/settings.ts"
import { settings as telemetry } from "../Telemetry/settings.ts"
import { appEnvironment, type Setting } from "./Setting.ts"

export const all: ReadonlyArray<Setting<unknown>> = [
  appEnvironment,
  ...Object.values(edge),
  ...Object.values(sql),
  ...Object.values(auth),
  ...Object.values(agent),
  ...Object.values(telemetry)
]

export class InvalidSettings extends Schema.TaggedError<InvalidSettings>()("InvalidSettings", {
  problems: Schema.Array(Schema.String)
}) {
  override get message(): string {
    const list = this.problems.map((problem) => `  ${problem}`).join("\n")
    return `Parley cannot start: ${this.problems.length} of its settings must be mended.\n${list}\nEvery setting is described in .env.example.`
  }
}

/** Real environment variables win over the file `.env.<environment>` of the working directory, if there is one. */
export const layerProvider = ConfigProvider.layer(
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const fromEnvironment = ConfigProvider.fromEnv()
    const environment = yield* appEnvironment.config.parse(fromEnvironment).pipe(Effect.orElseSucceed(() => "development"))
    const path = `.env.${environment}`
    if (!(yield* Effect.orElseSucceed(fs.exists(path), () => false))) return fromEnvironment
    const fromFile = yield* ConfigProvider.fromDotEnv({ path })
    return ConfigProvider.orElse(fromEnvironment, fromFile)
  })
)

const problem = (setting: Setting<unknown>) =>
  Effect.gen(function* () {
    const provider = yield* ConfigProvider.ConfigProvider
    const node = yield* Effect.orElseSucceed(provider.load([setting.name]), () => undefined)
    // The value itself is not shown: it may be a secret.
    return `${setting.name} ${node === undefined ? "is missing: it" : "is set, but"} must be ${setting.expected}`
  })

/** Fails with every setting that is missing or wrong. */
export const check = Effect.gen(function* () {
  const problems = yield* Effect.forEach(all, (setting) =>
    Effect.matchEffect(setting.config, { onSuccess: () => Effect.succeed([]), onFailure: () => Effect.map(problem(setting), (p) => [p]) })
  )
  const found = problems.flat()
  if (found.length > 0) return yield* new InvalidSettings({ problems: found })
})

export const layerChecked = Layer.effectDiscard(check)
