/** The committed files `.env.<environment>`. */
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { ConfigProvider, Effect, Equal, FileSystem, Redacted } from "effect"
import { matchesGlob } from "node:path"
import { fileURLToPath } from "node:url"
import { appEnvironments, isLocal } from "./Setting.ts"
import * as Settings from "./Settings.ts"

const root = fileURLToPath(new URL("../../../..", import.meta.url))
const committed = ["development", "staging", "production"] as const

const linesOf = (environment: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFileString(`${root}/.env.${environment}`)).pipe(
    Effect.map((text) =>
      [...text.matchAll(/^([^#=\n]+)=(.*)$/gmu)].map(([, name = "", value = ""]) => ({ name, value }))
    )
  )

/** What a server reads that starts in the root of the repository, where no other file is. */
const started = (environment: string, variables: Readonly<Record<string, string>> = {}) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const directory = yield* fs.makeTempDirectoryScoped()
    yield* fs.copyFile(`${root}/.env.${environment}`, `${directory}/.env.${environment}`)
    const env = { APP_ENV: environment, ...variables }
    return Settings.layerProviderFrom(ConfigProvider.fromEnv({ env }), directory)
  })

layer(NodeServices.layer)("the committed settings", (it) => {
  for (const environment of committed) {
    it.effect(`of ${environment} are settings, and hold no secret and no address`, () =>
      Effect.gen(function* () {
        const found = yield* linesOf(environment)
        assert.isAbove(found.length, 3)
        const provider = ConfigProvider.fromUnknown({ APP_ENV: environment })
        for (const { name, value } of found) {
          const setting = Settings.all.find((setting) => setting.name === name)
          assert.isDefined(setting, name)
          assert.notMatch(name, /URL|KEY|SECRET|TOKEN$|HEADERS/u)
          const read = yield* setting.config.parse(
            ConfigProvider.orElse(ConfigProvider.fromDotEnvContents(`${name}=${value}`), provider)
          )
          assert.isFalse(Redacted.isRedacted(read), name)
        }
      })
    )

    it.effect(`of ${environment} are all that differs by itself, and say what would be without them`, () =>
      Effect.gen(function* () {
        const here = ConfigProvider.fromUnknown({ APP_ENV: environment })
        const elsewhere = ConfigProvider.fromUnknown({ APP_ENV: isLocal(environment) ? "production" : "development" })
        const values = new Map((yield* linesOf(environment)).map(({ name, value }) => [name, value]))
        const file = ConfigProvider.orElse(ConfigProvider.fromUnknown(Object.fromEntries(values)), here)
        for (const { config, name } of Settings.all) {
          const [mine, theirs] = yield* Effect.all([
            Effect.option(config.parse(here)),
            Effect.option(config.parse(elsewhere))
          ])
          const differs =
            name !== "APP_ENV" && mine._tag === "Some" && theirs._tag === "Some" && !Equal.equals(mine, theirs)
          if (!differs) continue
          if (!(Array.isArray(mine.value) && mine.value.length === 0)) assert.isTrue(values.has(name), name)
          assert.isTrue(Equal.equals(yield* config.parse(file), mine.value), name)
        }
      })
    )
  }

  it.effect("are enough in development", () =>
    Effect.gen(function* () {
      yield* Settings.check(Settings.all).pipe(Effect.provide(yield* started("development")))
    })
  )

  for (const environment of ["staging", "production"] as const) {
    it.effect(`want in ${environment} what its file says must come from elsewhere, and no more`, () =>
      Effect.gen(function* () {
        const provider = yield* started(environment)
        const { message } = yield* Effect.flip(Effect.provide(Settings.check(Settings.all), provider))
        const missing = [...message.matchAll(/^ {2}(\w+) is missing/gmu)].map(([, name]) => name)
        const text = yield* Effect.flatMap(FileSystem.FileSystem, (fs) =>
          fs.readFileString(`${root}/.env.${environment}`)
        )
        const [, section = ""] = /must come from there.*\n((?:# {3}.*\n)*)/u.exec(text) ?? []
        assert.deepStrictEqual(
          missing,
          [...section.matchAll(/^# {3}([A-Z_]+) /gmu)].map(([, name]) => name)
        )
        assert.isNotEmpty(missing)
        const complete = yield* started(environment, {
          POSTGRES_URL: "postgresql://parley:hunter2@db:5432/parley",
          JWT_SECRET_KEY: "k".repeat(32),
          LLM_API_KEY: "sk-1"
        })
        yield* Effect.provide(Settings.check(Settings.all), complete)
      })
    )
  }
})

/** Of names without a folder: the last pattern that matches decides, and `!` takes back. */
const ignores = (patterns: ReadonlyArray<string>, name: string) => {
  const last = patterns.findLast((pattern) => {
    const glob = pattern.replaceAll(/^!?\/?|\/$/gu, "")
    return glob === "*" || matchesGlob(name, glob)
  })
  return last !== undefined && !last.startsWith("!")
}

layer(NodeServices.layer)("git and Docker", (it) => {
  for (const file of [".gitignore", ".dockerignore"])
    it.effect(`are kept from the local files by ${file}, and from no other`, () =>
      Effect.gen(function* () {
        const text = yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFileString(`${root}/${file}`))
        const patterns = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"))
        for (const environment of appEnvironments) assert.isTrue(ignores(patterns, `.env.${environment}.local`))
        for (const environment of committed) assert.isFalse(ignores(patterns, `.env.${environment}`))
        assert.isTrue(ignores(patterns, ".env"))
        assert.isTrue(ignores(patterns, ".data"))
        assert.isFalse(ignores(patterns, ".env.example"))
      })
    )
})
