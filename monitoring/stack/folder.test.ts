import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { makeFolder } from "./folder.ts"

layer(NodeServices.layer)("a folder", (it) => {
  const temporary = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())

  it.effect("is made with those above it, for nobody else to read, also by several at once", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = `${yield* temporary}/one/two/`
      yield* Effect.forEach([1, 2, 3, 4], () => makeFolder(folder), { concurrency: 4 })
      assert.strictEqual((yield* fs.stat(folder)).mode & 0o077, 0)
    })
  )

  for (const [folder, why] of [
    [
      "/dev/null/backups/deep",
      "The folder /dev/null/backups/deep cannot be used: /dev/null: there is a file of that name"
    ],
    // Where Node's own recursion never ends.
    ["/proc/nope/backups", "The folder /proc/nope/backups cannot be used: /proc/nope: nothing can be made there"]
  ] as const) {
    it.effect(`is refused at once where ${folder} would be, and it is said why`, () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* Effect.flip(makeFolder(folder))).message, why)
      })
    )
  }
})
