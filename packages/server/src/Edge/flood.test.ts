import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, FileSystem, Redacted, Stream } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import * as RawConnection from "../../test/rawConnection.ts"
import * as TestDatabase from "../../test/TestDatabase.ts"
import { settings, TestServer } from "../../test/TestServer.ts"

/** The whole server as a process, which has its memory for itself. */
const started = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const { url } = yield* TestDatabase.make
  const env = { ...settings, PORT: "0", POSTGRES_URL: Redacted.value(url) }
  const file = fileURLToPath(new URL("../main.ts", import.meta.url))
  const cwd = yield* fs.makeTempDirectoryScoped()
  const child = yield* spawner.spawn(ChildProcess.make(process.execPath, [file], { cwd, env, extendEnv: false }))
  const port = yield* Deferred.make<number>()
  yield* child.stdout.pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.runForEach((line) => {
      const [, found] = /Listening on http:\/\/[^:]+:(\d+)/u.exec(line) ?? []
      return found === undefined ? Effect.void : Deferred.succeed(port, Number(found))
    }),
    Effect.forkScoped
  )
  return { pid: child.pid, port: yield* Deferred.await(port) }
})

/** What the process has had in memory at the most since `forget`, in bytes; where there is no /proc, what it has now. */
const peak = Effect.fnUntraced(function* (pid: number) {
  const fs = yield* FileSystem.FileSystem
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const kilobytes = yield* fs.readFileString(`/proc/${pid}/status`).pipe(
    Effect.map((status) => /VmHWM:\s+(\d+) kB/u.exec(status)?.[1]),
    Effect.catch(() => spawner.string(ChildProcess.make("ps", ["-o", "rss=", "-p", String(pid)])))
  )
  return Number(kilobytes) * 1024
})
const forget = Effect.fnUntraced(function* (pid: number) {
  const fs = yield* FileSystem.FileSystem
  yield* Effect.ignore(fs.writeFileString(`/proc/${pid}/clear_refs`, "5"))
})

const post = (more: string) =>
  `POST /api/v1/auth/register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${more}\r\n`

/** Sends the pieces while the server takes them; the status of the answer. */
const send = (port: number, head: string, pieces: Iterable<string | Uint8Array> = []) =>
  Effect.gen(function* () {
    const connection = yield* RawConnection.make(port)
    yield* connection.write(head)
    for (const piece of pieces) {
      if ((yield* connection.received) !== "") break
      yield* connection.write(piece)
    }
    const { text } = yield* connection.closed
    return Number(text.slice(9, 12))
  }).pipe(Effect.scoped)

const whole = (body: string | Uint8Array, more = "") =>
  [post(`${more}Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n`), [body]] as const

const million = 1_000_000
const chunk = `${million.toString(16)}\r\n${" ".repeat(million)}\r\n`
const hundred = <A>(piece: A): ReadonlyArray<A> => Array.from({ length: 100 }, () => piece)
const nested = (depth: number) => `{"email": ${"[".repeat(depth)}${"]".repeat(depth)}}`
const bomb = gzipSync(new Uint8Array(100 * million))

const floods: ReadonlyArray<
  readonly [what: string, status: number, head: string, pieces?: Iterable<string | Uint8Array>]
> = [
  ["100 MB of a body of told length", 413, post(`Content-Length: ${100 * million}\r\n`), hundred(" ".repeat(million))],
  ["100 MB of a body of untold length", 413, post("Transfer-Encoding: chunked\r\n"), hundred(chunk)],
  ["JSON nested 10 000 deep", 422, ...whole(nested(10_000))],
  ["JSON nested 100 000 deep", 422, ...whole(nested(100_000))],
  ["a header of 1 MB", 431, "GET / HTTP/1.1\r\nHost: x\r\nX-Filler: ", ["x".repeat(million)]],
  ["a gzip bomb", 415, ...whole(bomb, "Content-Encoding: gzip\r\n")],
  ["a gzip bomb that is said to be JSON", 422, ...whole(bomb)]
]

layer(NodeServices.layer, { excludeTestServices: true })("a server that is sent too much", (it) => {
  it.effect(
    "refuses it, and takes 50 MB for that at the most",
    () =>
      Effect.gen(function* () {
        const { pid, port } = yield* started
        // What a server that has worked for a while has in memory: LangChain, which loads beside the boot, and its garbage.
        const server = TestServer.client(`http://127.0.0.1:${port}`)
        const token = yield* server.register
        const body = { session_id: yield* server.openSession(token), content: "Hello" }
        assert.strictEqual((yield* server.ask("POST", "/v1/chat", { token, body })).status, 200)
        for (let round = 0; round < 300; round++) assert.strictEqual(yield* send(port, ...whole('{"email": "x"}')), 422)
        for (const [what, status, head, pieces] of floods) {
          yield* forget(pid)
          const before = yield* peak(pid)
          for (let round = 0; round < 3; round++) assert.strictEqual(yield* send(port, head, pieces), status, what)
          const taken = (yield* peak(pid)) - before
          assert.isBelow(taken, 50 * million, what)
        }
      }),
    30_000
  )
})
