import { NodeServices } from "@effect/platform-node"
import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Fiber, Redacted } from "effect"
import { validate } from "dockerfile-utils"
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { answers, freePort, signal } from "../../bench/Processes.ts"
import * as Settings from "../../src/Settings/Settings.ts"
import * as TestDatabase from "../TestDatabase.ts"
import * as Image from "./Image.ts"

const text = (path: string) => readFileSync(`${Image.root}/${path}`, "utf8")
const packageOf = (path: string) => JSON.parse(text(path))
const steps = [...Image.stages.values()].flat()
const secrets = Settings.all.map(({ name }) => name).filter((name) => /KEY|SECRET|TOKEN$|URL|HEADERS/u.test(name))

describe("docker/Dockerfile", () => {
  it("is well formed", () => assert.deepStrictEqual(validate(Image.dockerfile), []))

  it("names the Node that the tests run on, whole", () =>
    assert.include(Image.dockerfile, `FROM node:${packageOf("package.json").devDependencies.node}-trixie-slim AS base`))

  it("takes every package.json there is, because npm ci wants them all", () => {
    const copied = (Image.stages.get("build") ?? []).flatMap(({ keyword, words }) => (keyword === "COPY" ? words : []))
    for (const workspace of packageOf("package.json").workspaces)
      assert.include(copied, `${workspace}/package.json`, "a new workspace")
  })

  it("is given no secret to build with, and keeps none", () => {
    const named = steps.flatMap(({ keyword, text }) =>
      keyword === "ARG" || keyword === "ENV" ? [...text.matchAll(/([A-Z_]+)=/gu)].map(([, name]) => name) : []
    )
    assert.sameMembers(named, ["VERSION", "REVISION", "APP_ENV", "APP_ENV", "NODE_ENV", "HOST"])
    for (const name of secrets) assert.notInclude(Image.dockerfile, name)
  })

  it("adds nothing but by COPY, of what it names, and never all that is here", () => {
    for (const { keyword, words } of steps) {
      assert.notStrictEqual(keyword, "ADD")
      if (keyword === "COPY") assert.notInclude(words.slice(0, -1), ".")
    }
  })

  it("ends as a user by number who is not root, and with Node as the process that gets signals", () => {
    assert.match(Image.said("USER").text, /^[1-9]\d+:[1-9]\d+$/u)
    assert.deepStrictEqual(Image.command("ENTRYPOINT"), ["node"])
    assert.strictEqual(Image.said("STOPSIGNAL").text, "SIGTERM")
    assert.strictEqual(Image.command("HEALTHCHECK")[0], "node")
  })

  it("takes the version from package.json", () =>
    assert.include(Image.dockerfile, `ARG VERSION=${packageOf("package.json").version}\n`))
})

/** Who runs it there; somebody else cannot be that here unless they are root. */
const [uid = 0, gid = 0] = Image.said("USER").text.split(":").map(Number)
const user = process.getuid?.() === 0 ? { uid, gid } : {}

const image = Effect.acquireRelease(Effect.promise(Image.build), ({ remove }) => Effect.promise(remove))

/** Node in that folder, as that user, who may write to no file at all. */
const node = (app: string, args: ReadonlyArray<string>, env: Readonly<Record<string, string>>) =>
  spawn("/bin/sh", ["-c", 'ulimit -f 0 && exec "$0" "$@"', process.execPath, ...args], {
    cwd: app,
    env: { PATH: "/usr/bin:/bin", HOME: "/nonexistent", APP_ENV: "production", NODE_ENV: "production", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    ...user
  })

/** Exit code and all that was printed. */
const ended = (child: ReturnType<typeof node>) =>
  Effect.callback<{ readonly code: number | null; readonly output: string }>((resume) => {
    let output = ""
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += String(chunk)))
    child.on("close", (code) => resume(Effect.succeed({ code, output })))
  })

const run = (...args: Parameters<typeof node>) => Effect.suspend(() => ended(node(...args)))

layer(NodeServices.layer, { excludeTestServices: true })("the files of the image", (it) => {
  it.effect(
    "are enough to check settings, to migrate, to serve, to be looked after and to end, without writing anywhere",
    () =>
      Effect.gen(function* () {
        const { app } = yield* image
        const incomplete = yield* run(app, ["packages/server/src/Settings/check.ts"], {})
        assert.strictEqual(incomplete.code, 2, incomplete.output)
        for (const name of ["POSTGRES_URL", "JWT_SECRET_KEY", "LLM_API_KEY"])
          assert.include(incomplete.output, `${name} is missing`)

        const { url } = yield* TestDatabase.makeEmpty
        const port = yield* freePort
        const settings = {
          HOST: "127.0.0.1",
          PORT: String(port),
          POSTGRES_URL: Redacted.value(url),
          JWT_SECRET_KEY: "k".repeat(32),
          LLM_API_KEY: "sk-1"
        }
        const migrated = yield* run(app, ["packages/server/src/Sql/migrate.ts"], settings)
        assert.strictEqual(migrated.code, 0, migrated.output)
        const health = run(app, Image.command("HEALTHCHECK").slice(1), { PORT: settings.PORT })
        assert.strictEqual((yield* health).code, 1, "healthy before it runs")

        const server = yield* Effect.acquireRelease(
          Effect.sync(() => node(app, Image.command("CMD"), settings)),
          ({ pid = 0 }) => Effect.sync(() => signal(pid, "SIGKILL"))
        )
        const end = yield* Effect.forkChild(ended(server), { startImmediately: true })
        yield* Effect.raceFirst(
          answers(`http://127.0.0.1:${port}/health/ready`),
          Effect.flatMap(Fiber.join(end), ({ output }) => Effect.die(new Error(output)))
        )
        assert.strictEqual((yield* health).code, 0)
        const page = yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}/app`, { method: "HEAD" }))
        assert.deepStrictEqual([page.status, page.headers.get("content-encoding")], [200, "gzip"])
        yield* Effect.sync(() => signal(server.pid ?? 0, "SIGTERM"))
        const { code, output } = yield* Fiber.join(end)
        // An orderly end, of Node's or of a shell's kind; a signal's would be null.
        assert.strictEqual(code, 0, output)
      }),
    // Most of it is npm's.
    120_000
  )
})
