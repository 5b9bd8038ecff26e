/** The examples, as a reader runs them: each against the same running server. */
import { assert, expect, layer, vi } from "@effect/vitest"
import { Effect } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { fileURLToPath } from "node:url"
import { StubModel } from "../test/StubModel.ts"
import * as Reply from "../test/StubModelReply.ts"
import { TestServer } from "../test/TestServer.ts"

// Programs that are started: seconds, on a busy machine many.
vi.setConfig({ testTimeout: 60_000 })

const root = fileURLToPath(new URL("../../..", import.meta.url))

/** What it printed, and how it ended. */
const run = Effect.fnUntraced(function* (command: string, args: ReadonlyArray<string>) {
  const { url } = yield* TestServer
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const script = 'out=$("$0" "$@" 2>&1); code=$?; printf "%s\\n%s" "$out" "$code"'
  const printed = yield* spawner.string(
    ChildProcess.make("sh", ["-c", script, command, ...args], { cwd: root, extendEnv: true, env: { PARLEY_URL: url } })
  )
  const end = printed.lastIndexOf("\n")
  assert.strictEqual(printed.slice(end + 1), "0", printed)
  return printed.slice(0, end)
})

const node = (...args: ReadonlyArray<string>) => run(process.execPath, args)

const answering = Effect.flatMap(StubModel, (stub) => stub.handle(() => Reply.text("It is noon.")))

layer(TestServer.layer, { excludeTestServices: true })("an example", (it) => {
  it.effect("is a shell with curl", () =>
    Effect.gen(function* () {
      yield* answering
      const printed = yield* run("sh", ["examples/curl.sh"])
      for (const part of [
        "One answer:",
        '"content":"It is noon."',
        "event: done",
        '"next_cursor":null',
        "Logged out."
      ]) {
        assert.include(printed, part)
      }
    })
  )

  it.effect("is the client for Effect", () =>
    Effect.gen(function* () {
      yield* answering
      const printed = yield* node("examples/effect-client.ts")
      expect(printed.split("\n")).toStrictEqual([
        "Invalid credentials",
        "token: It ",
        "token: is ",
        "token: noon.",
        expect.stringMatching(/^done: \d+ tokens$/u),
        "user: Hello",
        "assistant: It is noon."
      ])
    })
  )

  it.effect("is a generated client, which compiles strictly", () =>
    Effect.gen(function* () {
      yield* answering
      // As `make client` does it.
      yield* run("npm", ["run", "--silent", "client", "--workspace", "packages/server"])
      yield* run(`${root}/node_modules/.bin/tsc`, ["--project", "examples"])
      const printed = yield* node("examples/generated-client.ts")
      expect(printed.split("\n")).toStrictEqual([
        "422 password: Password must have at least 8 characters",
        "422 password: Password must contain at least one number",
        "401 Invalid credentials",
        "assistant: It is noon.",
        "token: It ",
        "token: is ",
        "token: noon.",
        ...["Hello", "Again"].flatMap((said) => [`user: ${said}`, "assistant: It is noon."])
      ])
    })
  )

  it.effect("is the client of OpenAI", () =>
    Effect.gen(function* () {
      yield* answering
      const printed = yield* node("examples/openai-client.ts")
      expect(printed.split("\n")).toStrictEqual([
        "models: gpt-4o-mini",
        "answer: It is noon.",
        "token: It ",
        "token: is ",
        "token: noon.",
        expect.stringMatching(/^usage: \d+ tokens$/u),
        "refused: 400 n: Must be 1: there is one answer"
      ])
    })
  )
})
