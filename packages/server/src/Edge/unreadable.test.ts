import { assert, layer } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { parse as parseExposition, valueOf } from "../../test/Exposition.ts"
import * as NodeTestServer from "../../test/NodeTestServer.ts"
import * as RawConnection from "../../test/rawConnection.ts"
import { logged } from "../../test/TestLog.ts"
import { Metrics } from "../Telemetry/Metrics.ts"

const open = Effect.flatMap(NodeTestServer.NodeTestServer, ({ port }) => RawConnection.make(port))

/** Sends bytes as they are and gives what comes back until the server closes. */
const send = Effect.fnUntraced(function* (bytes: string) {
  const connection = yield* open
  yield* connection.write(bytes)
  return (yield* connection.closed).text
})

/** One answer as the browsers' `Headers` have it. */
const parse = (text: string) => {
  const [head = "", body] = text.split("\r\n\r\n")
  const [line, ...fields] = head.split("\r\n")
  return {
    line,
    body,
    headers: new Headers(fields.map((field) => [field.split(": ")[0] ?? "", field.split(": ")[1] ?? ""]))
  }
}

/** As every answer has them. */
const isSafe = (headers: Headers) => {
  assert.strictEqual(headers.get("content-type"), "application/json")
  assert.strictEqual(headers.get("cache-control"), "no-store")
  assert.strictEqual(headers.get("content-security-policy"), "default-src 'none'; frame-ancestors 'none'")
  assert.strictEqual(headers.get("x-content-type-options"), "nosniff")
  assert.strictEqual(headers.get("x-frame-options"), "DENY")
  assert.isFalse(headers.has("server"))
}

layer(NodeTestServer.layer, { excludeTestServices: true })("a request that is no HTTP", (it) => {
  for (const [what, bytes, line, detail] of [
    [
      "has headers of a megabyte",
      `GET / HTTP/1.1\r\nHost: x\r\nX-Filler: ${"x".repeat(1_000_000)}\r\n\r\n`,
      "HTTP/1.1 431 Request Header Fields Too Large",
      "Request header fields too large"
    ],
    ["is gibberish", "\u0000\u0001 what is this\r\n\r\n", "HTTP/1.1 400 Bad Request", "Bad request"],
    ["breaks off in its headers", "GET / HTTP/1.1\r\nHost: x\r\n", "HTTP/1.1 408 Request Timeout", "Request timed out"],
    [
      "has a body that ends in two ways",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 400 Bad Request",
      "Bad request"
    ]
  ] as const)
    it.effect(`${what}, and is refused as any other, with a line in the log, and counted`, () =>
      Effect.gen(function* () {
        const { exposition } = yield* Metrics
        const status = line.split(" ")[1] ?? ""
        const counted = Effect.map(
          exposition,
          (text) =>
            valueOf(parseExposition(text), "http_server_request_duration_seconds_count", {
              http_request_method: "_OTHER",
              http_route: "none",
              http_response_status_code: status
            }) ?? 0
        )
        const before = yield* counted
        const reply = parse(yield* send(bytes))
        assert.strictEqual(reply.line, line)
        assert.strictEqual(yield* counted, before + 1)
        assert.strictEqual(reply.body, JSON.stringify({ detail }))
        isSafe(reply.headers)
        const lines = yield* logged(reply.headers.get("x-request-id") ?? "")
        assert.lengthOf(lines, 1)
        assert.deepInclude(lines[0], { message: "request", level: "INFO" })
        assert.deepInclude(lines[0]?.annotations, {
          method: "unknown",
          route: "none",
          status: Number(line.slice(9, 12)),
          client_address: "127.0.0.1"
        })
      })
    )

  it.effect("is in its body so slow that its route gives up: one answer, one line in the log, one id", () =>
    Effect.gen(function* () {
      const head = "POST / HTTP/1.1\r\nHost: x\r\nX-Request-Id: slow-body-1\r\nContent-Length: 100\r\n\r\n"
      const { headers, line } = parse(yield* send(`${head}{`))
      assert.strictEqual(line, "HTTP/1.1 408 Request Timeout")
      isSafe(headers)
      assert.strictEqual(headers.get("x-request-id"), "slow-body-1")
      const lines = yield* logged("slow-body-1").pipe(
        Effect.repeat({ until: (lines) => lines.length > 0, schedule: Schedule.spaced(5) })
      )
      assert.lengthOf(lines, 1)
      assert.deepInclude(lines[0]?.annotations, { method: "POST", status: 408 })
    })
  )

  it.effect("comes while an answer is on its way: that breaks off, and nothing is written into it", () =>
    Effect.gen(function* () {
      const connection = yield* open
      yield* connection.write("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
      yield* connection.received.pipe(
        Effect.repeat({ until: (text) => text.endsWith(".\r\n"), schedule: Schedule.spaced(5) })
      )
      yield* connection.write("\u0000\u0001 what is this\r\n\r\n")
      const { text } = yield* connection.closed
      assert.match(text, /^HTTP\/1\.1 200 OK\r\n/u)
      assert.notInclude(text, "400")
      assert.notInclude(text, "detail")
    })
  )

  it.effect("does not keep the next one from being answered", () =>
    Effect.map(send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), (text) =>
      assert.match(text, /^HTTP\/1\.1 200 OK\r\n[^]*fine$/u)
    )
  )
})
