/** One environment variable: how it is read, and what a person is told when it is missing or wrong. */
import { Config, ConfigProvider, Effect, Option, Schema } from "effect"

export interface Setting<A> {
  readonly name: string
  readonly config: Config.Config<A>
  /** Completes the sentence "NAME must be ...". */
  readonly expected: string
}

export const make = <A>(name: string, config: Config.Config<A>, expected: string): Setting<A> => ({
  name,
  config,
  expected
})

export const withDefault = <A>(name: string, config: Config.Config<A>, fallback: A, expected: string): Setting<A> =>
  make(name, Config.withDefault(config, fallback), expected)

export const optional = <A>(name: string, config: Config.Config<A>, expected: string): Setting<Option.Option<A>> =>
  make(name, Config.option(config), expected)

export const positiveInt = (name: string, fallback: number): Setting<number> =>
  withDefault(
    name,
    Config.schema(Schema.FiniteFromString.check(Schema.isInt(), Schema.isGreaterThan(0)), name),
    fallback,
    `a whole number above 0, such as ${fallback}`
  )

export const appEnvironments = ["development", "staging", "production", "test"] as const
export type AppEnvironment = (typeof appEnvironments)[number]

/** Picks the defaults, and the files `.env.<environment>` and `.env.<environment>.local`. */
export const appEnvironment: Setting<AppEnvironment> = withDefault<AppEnvironment>(
  "APP_ENV",
  Config.Literals(appEnvironments, "APP_ENV"),
  "development",
  `one of ${appEnvironments.join(", ")}`
)

export const isLocal = (environment: AppEnvironment): boolean => environment === "development" || environment === "test"

/** For what development and tests make themselves, and nobody may guess elsewhere: secrets and addresses. */
export const requiredOutsideDevelopment = <A>(setting: Setting<Option.Option<A>>): Setting<Option.Option<A>> =>
  make(
    setting.name,
    Config.mapEffect(Config.all([appEnvironment.config, setting.config]), ([environment, value]) =>
      Option.isSome(value) || isLocal(environment)
        ? Effect.succeed(value)
        : Effect.fail(new Config.ConfigError(new ConfigProvider.SourceError({ message: `${setting.name} is missing` })))
    ),
    setting.expected
  )

/** A default that depends on the environment. */
export const withDefaultBy = <A>(
  name: string,
  config: Config.Config<A>,
  fallback: (environment: AppEnvironment) => A,
  expected: string
): Setting<A> =>
  make(
    name,
    Config.map(Config.all([appEnvironment.config, Config.option(config)]), ([environment, value]) =>
      Option.getOrElse(value, () => fallback(environment))
    ),
    expected
  )
