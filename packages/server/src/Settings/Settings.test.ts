import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, FileSystem, Option, Redacted } from "effect"
import { settings as auth } from "../Auth/settings.ts"
import { settings as edge } from "../Edge/settings.ts"
import * as Setting from "./Setting.ts"
import * as Settings from "./Settings.ts"

type Environment = Readonly<Record<string, string>>

const withEnvironment = (environment: Environment) => ConfigProvider.layer(ConfigProvider.fromUnknown(environment))

/** What a person is told who starts the server with these variables. */
const told = (environment: Environment) =>
  Settings.check(Settings.all).pipe(
    Effect.match({ onFailure: ({ message }) => message, onSuccess: () => "" }),
    Effect.provide(withEnvironment(environment))
  )

const read = <A>(setting: Setting.Setting<A>, environment: Environment) =>
  setting.config.parse(ConfigProvider.fromUnknown(environment))

/** Names at the beginning of the lines that tell of problems. */
const named = (message: string) => [...message.matchAll(/^ {2}(\w+) is /gmu)].map(([, name]) => name)

const production = {
  APP_ENV: "production",
  POSTGRES_URL: "postgresql://parley:hunter2@db:5432/parley",
  JWT_SECRET_KEY: "k".repeat(32),
  LLM_API_KEY: "sk-1"
}

describe("the settings", () => {
  it("have names of their own, in capitals", () => {
    const names = Settings.all.map(({ name }) => name)
    assert.strictEqual(new Set(names).size, names.length)
    for (const name of names) assert.match(name, /^[A-Z][A-Z0-9_]*$/u)
  })

  it.effect("need nothing in development", () => Effect.map(told({}), (message) => assert.strictEqual(message, "")))

  it.effect("are complete in production with what nobody may guess", () =>
    Effect.map(told(production), (message) => assert.strictEqual(message, ""))
  )

  for (const APP_ENV of ["staging", "production"])
    it.effect(`are all told that are missing in ${APP_ENV}`, () =>
      Effect.gen(function* () {
        const message = yield* told({ APP_ENV })
        assert.deepStrictEqual(named(message), ["POSTGRES_URL", "JWT_SECRET_KEY", "LLM_API_KEY"])
        assert.include(message, "JWT_SECRET_KEY is missing: it must be at least 32 bytes")
        assert.include(message, ".env.example")
        assert.include(message, `Set them in the environment or in .env.${APP_ENV}.local, which is not committed.`)
      })
    )

  it.effect("are all told that are wrong, at once and without their values", () =>
    Effect.gen(function* () {
      const wrong = {
        PORT: "eighty",
        MAX_BODY_BYTES: "-1",
        CORS_ORIGINS: "https://app.example.com/path",
        POSTGRES_URL: "mysql://parley:hunter2@db/parley",
        POSTGRES_POOL_SIZE: "0",
        POSTGRES_PREPARE: "perhaps",
        JWT_SECRET_KEY: "too-short-secret",
        JWT_SECRET_KEY_PREVIOUS: "too-short-secret",
        JWT_ACCESS_TOKEN_EXPIRE_HOURS: "0",
        JWT_REFRESH_TOKEN_EXPIRE_DAYS: "soon",
        REFRESH_REUSE_GRACE_SECONDS: "-1",
        BCRYPT_ROUNDS: "99",
        WEB_SEARCH_URL: "https://search.example/otters",
        WEB_SEARCH_ALLOW_PRIVATE: "maybe",
        USER_MONTHLY_TARGET_EUR: "-1",
        USER_MONTHLY_LIMIT_EUR: "2,50",
        LOG_LEVEL: "loud"
      }
      const message = yield* told(wrong)
      assert.sameMembers(named(message), Object.keys(wrong))
      assert.include(message, "17 of its settings")
      for (const secret of ["hunter2", "mysql", "too-short-secret", "eighty", "perhaps", "loud", "otters", "maybe"])
        assert.notInclude(message, secret)
    })
  )

  it.effect("are looked at as in production when APP_ENV is wrong, so that nothing is told falsely or late", () =>
    Effect.gen(function* () {
      const message = yield* told({ APP_ENV: "prod" })
      assert.deepStrictEqual(named(message), ["APP_ENV", "POSTGRES_URL", "JWT_SECRET_KEY", "LLM_API_KEY"])
      assert.include(message, `APP_ENV is "prod", but must be one of development, staging, production, test`)
      assert.deepStrictEqual(named(yield* told({ ...production, APP_ENV: "prod" })), ["APP_ENV"])
    })
  )

  it.effect("are as good as missing when they are set to nothing, as orchestrators do", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(named(yield* told({ ...production, JWT_SECRET_KEY: "" })), ["JWT_SECRET_KEY"])
      assert.strictEqual(yield* told({ JWT_SECRET_KEY: "", PORT: "", BCRYPT_ROUNDS: "" }), "")
    })
  )

  it.effect("may be checked for a program that needs only some of them", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Settings.check([edge.port]))
      assert.deepStrictEqual(named(error.message), ["PORT"])
    }).pipe(Effect.provide(withEnvironment({ PORT: "x", LOG_LEVEL: "loud" })))
  )
})

describe("a default", () => {
  for (const [setting, defaults] of [
    [edge.host, { development: "127.0.0.1", test: "127.0.0.1", staging: "0.0.0.0", production: "0.0.0.0" }],
    [auth.accessTokenHours, { development: 720, test: 720, staging: 1, production: 1 }],
    [auth.refreshTokenDays, { development: 365, test: 365, staging: 30, production: 30 }]
  ] as const)
    for (const [APP_ENV, value] of Object.entries(defaults))
      it.effect(`of ${setting.name} is ${value} in ${APP_ENV}`, () =>
        Effect.gen(function* () {
          assert.strictEqual(
            yield* Effect.map(setting.config.parse(ConfigProvider.fromUnknown({ APP_ENV })), String),
            String(value)
          )
        })
      )

  it.effect("is only one: what is set wins", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* read(edge.host, { APP_ENV: "production", HOST: "::1" }), "::1")
      assert.strictEqual(yield* read(edge.port, { PORT: "0" }), 0)
    })
  )
})

describe("what is required outside development", () => {
  const setting = Setting.requiredOutsideDevelopment(Setting.optional("KEY", Config.Redacted("KEY"), "a key"))

  for (const [APP_ENV, isRequired] of [
    ["development", false],
    ["test", false],
    ["staging", true],
    ["production", true]
  ] as const)
    it.effect(`is ${isRequired ? "missed" : "not missed"} in ${APP_ENV}`, () =>
      Effect.gen(function* () {
        const missing = yield* Effect.result(read(setting, { APP_ENV }))
        assert.strictEqual(missing._tag, isRequired ? "Failure" : "Success")
        const key = yield* read(setting, { APP_ENV, KEY: "k" })
        assert.strictEqual(Redacted.value(Option.getOrThrow(key)), "k")
      })
    )
})

describe("the files .env.<environment> and .env.<environment>.local", () => {
  const Probe = Config.all({
    url: Config.String("PROBE_URL"),
    name: Config.option(Config.String("PROBE_NAME")),
    both: Config.String("PROBE_BOTH")
  })

  /** What a program reads that starts in a folder with these files and with these real variables. */
  const started = (files: Environment, environment: Environment) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      yield* Effect.forEach(Object.entries(files), ([name, text]) => fs.writeFileString(`${directory}/${name}`, text))
      const provider = Settings.layerProviderFrom(ConfigProvider.fromEnv({ env: environment }), directory)
      return yield* Effect.flatMap(ConfigProvider.ConfigProvider, (provider) => Probe.parse(provider)).pipe(
        Effect.provide(provider)
      )
    }).pipe(Effect.provide(NodeServices.layer))

  const files = {
    ".env.development": 'PROBE_URL="https://dev" # a comment\nPROBE_BOTH=file\nPROBE_NAME=dev\n',
    ".env.production": "PROBE_URL=https://prod\nPROBE_BOTH=file\nAPP_ENV=development\n",
    ".env": "PROBE_URL=https://neither\nPROBE_BOTH=neither\n"
  }

  it.effect("are those of APP_ENV, and real variables win over them", () =>
    Effect.gen(function* () {
      const read = yield* started(files, { APP_ENV: "production", PROBE_BOTH: "real" })
      assert.deepStrictEqual(read, { url: "https://prod", name: Option.none(), both: "real" })
    })
  )

  it.effect("are those of development when nothing else is said", () =>
    Effect.gen(function* () {
      const read = yield* started(files, {})
      assert.deepStrictEqual(read, { url: "https://dev", name: Option.some("dev"), both: "file" })
    })
  )

  it.effect("need not be there", () =>
    Effect.gen(function* () {
      const read = yield* started({}, { APP_ENV: "staging", PROBE_URL: "https://real", PROBE_BOTH: "real" })
      assert.strictEqual(read.url, "https://real")
    })
  )

  it.effect("win over each other: what is local over what is committed", () =>
    Effect.gen(function* () {
      const local = "PROBE_URL=https://local\nPROBE_BOTH=local\nAPP_ENV=development\n"
      const both = { ...files, ".env.production.local": local, ".env.development.local": "PROBE_NAME=mine\n" }
      const production = yield* started(both, { APP_ENV: "production", PROBE_BOTH: "real" })
      assert.deepStrictEqual(production, { url: "https://local", name: Option.none(), both: "real" })
      const development = yield* started(both, {})
      assert.deepStrictEqual(development, { url: "https://dev", name: Option.some("mine"), both: "file" })
      const alone = yield* started({ ".env.staging.local": local }, { APP_ENV: "staging" })
      assert.strictEqual(alone.both, "local")
    })
  )

  it.effect("cannot be reached out of the folder by a made-up environment", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(started(files, { APP_ENV: "../.env.production" }))
      assert.include(String(error), "PROBE_URL")
    })
  )
})
