import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { ConfigProvider, Effect, Equal, Exit, FileSystem, Option } from "effect"
import { fileURLToPath } from "node:url"
import { all } from "./Settings.ts"

const read = (name: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) =>
    fs.readFileString(fileURLToPath(new URL(`../../../../${name}`, import.meta.url)))
  )

/** Those of packages/evals, which the server does not read: a test there looks for them. */
const isOfEvals = (name: string | undefined) => name?.startsWith("EVALUATION_") === true

const names = all.map(({ name }) => name).toSorted()

/** Each `#NAME=value` with the comment above it. */
const entriesOf = (text: string) =>
  [...text.matchAll(/((?:^# .*\n)*)^#([A-Z][A-Z0-9_]*)=(.*)$/gmu)].map(([, comment = "", name = "", value = ""]) => ({
    comment,
    name,
    value
  }))

layer(NodeServices.layer)(".env.example", (it) => {
  const entries = Effect.map(read(".env.example"), (text) => entriesOf(text).filter(({ name }) => !isOfEvals(name)))

  it.effect("has every setting, once, and no other", () =>
    Effect.map(entries, (found) => assert.deepStrictEqual(found.map(({ name }) => name).toSorted(), names))
  )

  it.effect("says of each what it is and what its default is", () =>
    Effect.map(entries, (found) => {
      for (const { comment, name } of found) {
        assert.isAtLeast(comment.length, 30, name)
        assert.match(comment, /Default(?: elsewhere)?: \S/u, name)
      }
    })
  )

  /** What it says when nothing is a comment any more. */
  const uncommented = Effect.map(entries, (found) =>
    ConfigProvider.fromDotEnvContents(found.map(({ name, value }) => `${name}=${value}`).join("\n"))
  )
  const isKey = ({ name }: { readonly name: string }) => name.startsWith("JWT_SECRET_KEY")

  it.effect("shows values that are good: the default, or an example where there is none", () =>
    Effect.gen(function* () {
      const nothing = ConfigProvider.fromUnknown({})
      for (const { config, name } of all.filter((setting) => !isKey(setting))) {
        const [shown, fallback] = [yield* config.parse(yield* uncommented), yield* config.parse(nothing)]
        if (!Option.isOption(fallback)) assert.isTrue(Equal.equals(shown, fallback), `${name}: ${String(shown)}`)
      }
    })
  )

  it.effect("shows no key that will do, because everybody would know it", () =>
    Effect.gen(function* () {
      const keys = all.filter(isKey)
      assert.lengthOf(keys, 2)
      for (const { config, name } of keys) {
        const shown = yield* Effect.exit(config.parse(yield* uncommented))
        assert.isTrue(Exit.isFailure(shown), name)
      }
    })
  )

  it.effect("changes nothing as it is", () =>
    Effect.map(read(".env.example"), (text) => assert.notMatch(text, /^[^#\n]/mu))
  )
})

layer(NodeServices.layer)("the README", (it) => {
  it.effect("has every setting in its table, and no other", () =>
    Effect.map(read("README.md"), (text) => {
      const section = text.split(/^## /mu).find((part) => part.startsWith("Settings\n")) ?? ""
      const rows = [...section.matchAll(/^\| `([A-Z][A-Z0-9_]*)` \|/gmu)].map(([, name]) => name)
      assert.deepStrictEqual(rows.filter((name) => !isOfEvals(name)).toSorted(), names)
    })
  )
})
