/**
 * Where settings come from, and the check at boot that names every bad one at once.
 * Each room keeps the settings it reads in its own `settings`; `all` is their list.
 */
import { ConfigProvider, Effect, FileSystem, Layer, Option, Runtime, Schema } from "effect"
import { settings as agent } from "../Agent/settings.ts"
import { settings as app } from "../App/settings.ts"
import { settings as auth } from "../Auth/settings.ts"
import { settings as billing } from "../Billing/settings.ts"
import { settings as business } from "../Business/settings.ts"
import { settings as edge } from "../Edge/settings.ts"
import { settings as limits } from "../Limits/settings.ts"
import { settings as shutdown } from "../Shutdown/settings.ts"
import { settings as sql } from "../Sql/settings.ts"
import { settings as telemetry } from "../Telemetry/settings.ts"
import { settings as usage } from "../Usage/settings.ts"
import { type AppEnvironment, appEnvironment, appEnvironments, type Setting } from "./Setting.ts"

export const all: ReadonlyArray<Setting<unknown>> = [
  appEnvironment,
  ...Object.values(edge),
  ...Object.values(app),
  ...Object.values(shutdown),
  ...Object.values(sql),
  ...Object.values(auth),
  ...Object.values(agent),
  ...Object.values(usage),
  ...Object.values(billing),
  ...Object.values(business),
  ...Object.values(limits),
  ...Object.values(telemetry)
]

/** The file of secrets and of what one machine has otherwise; git and Docker leave it alone. */
const localFile = (environment: AppEnvironment) => `.env.${environment}.local`

export class InvalidSettings extends Schema.TaggedError<InvalidSettings>()("InvalidSettings", {
  problems: Schema.Array(Schema.String),
  /** None when that is one of the problems. */
  environment: Schema.Option(Schema.Literals(appEnvironments))
}) {
  /** To start it again is of use after other failures; after this one somebody has to change something before. */
  override readonly [Runtime.errorExitCode] = 2
  override get message(): string {
    const list = this.problems.map((problem) => `  ${problem}`).join("\n")
    const file = Option.match(this.environment, { onNone: () => ".env.<APP_ENV>.local", onSome: localFile })
    return `Parley cannot start: ${this.problems.length} of its settings must be mended.\n${list}\nSet them in the environment or in ${file}, which is not committed. Every setting is described in .env.example.`
  }
}

/** Variables win over the file `.env.<environment>.local` of the directory, and that over `.env.<environment>`. */
export const layerProviderFrom = (variables: ConfigProvider.ConfigProvider, directory: string) =>
  ConfigProvider.layer(
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      // What is wrong with APP_ENV is told with all that is wrong.
      const environment = yield* Effect.option(appEnvironment.config.parse(variables))
      if (Option.isNone(environment)) return variables
      let provider = variables
      for (const name of [localFile(environment.value), `.env.${environment.value}`]) {
        const path = `${directory}/${name}`
        if (yield* fs.exists(path))
          provider = ConfigProvider.orElse(provider, yield* ConfigProvider.fromDotEnv({ path }))
      }
      return provider
    })
  )

/** Real environment variables, and the files in the working directory. */
export const layerProvider = layerProviderFrom(ConfigProvider.fromEnv(), ".")

const problem = (setting: Setting<unknown>) =>
  Effect.gen(function* () {
    const provider = yield* ConfigProvider.ConfigProvider
    const node = yield* Effect.orElseSucceed(provider.load([setting.name]), () => undefined)
    // It is no secret, and by it one sees which file or variable it is from.
    if (setting === appEnvironment && node?.value !== undefined) {
      return `${setting.name} is ${JSON.stringify(node.value.slice(0, 40))}, but must be ${setting.expected}`
    }
    // Others may be, so their values are not shown.
    return `${setting.name} ${node === undefined ? "is missing: it" : "is set, but"} must be ${setting.expected}`
  })

/**
 * Many settings depend on APP_ENV. When that is wrong they are looked at as in production, which wants the most: so that
 * only its own problem is told of it, and yet all that will be missing once it is mended.
 */
const withKnownEnvironment = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const provider = yield* ConfigProvider.ConfigProvider
    const production = ConfigProvider.fromUnknown({ [appEnvironment.name]: "production" })
    return yield* Effect.matchEffect(appEnvironment.config, {
      onSuccess: () => effect,
      onFailure: () =>
        Effect.provideService(effect, ConfigProvider.ConfigProvider, ConfigProvider.orElse(production, provider))
    })
  })

/** Fails with every one of these settings that is missing or wrong, and with APP_ENV if it is. */
export const check = Effect.fn("Settings.check")(function* (settings: ReadonlyArray<Setting<unknown>>) {
  const bad = ({ config }: Setting<unknown>) => Effect.match(config, { onSuccess: () => false, onFailure: () => true })
  const environment = yield* Effect.filter([appEnvironment], bad)
  const others = settings.filter((setting) => setting !== appEnvironment)
  const rest = yield* withKnownEnvironment(Effect.filter(others, bad))
  const problems = yield* Effect.forEach([...environment, ...rest], problem)
  if (problems.length > 0)
    return yield* new InvalidSettings({ problems, environment: yield* Effect.option(appEnvironment.config) })
})

export const layerChecked = Layer.effectDiscard(check(all))
