/** Names and texts that come from outside, and would steer a terminal. */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { createServer } from "node:http"
import { folder, World } from "../test/Daily.ts"
import { Planted } from "../test/Planted.ts"
import { automation } from "../test/Program.ts"
import * as Day from "./Day.ts"
import { listening } from "../test/listening.ts"

const evil = "evil\u001B[2J\u001B]0;title\u0007\u009B31m\u202Elive\r\nOK all is well"
const steering = /[^\P{Cc}\n]|\u202E/u

/** It answers every question with an alert of that name, for a whole day. */
const prometheus = Effect.gen(function* () {
  const yesterday = (yield* Day.yesterday).start.epochMilliseconds / 1000
  const result = [
    {
      metric: { alertname: evil, kind: evil, mode: evil, severity: evil },
      values: [[yesterday + 59, "1"]],
      value: [0, "1"]
    }
  ]
  const server = createServer((request, response) => {
    const resultType = request.url?.includes("query_range") === true ? "matrix" : "vector"
    response.end(
      request.url?.includes("status/config") === true
        ? JSON.stringify({ status: "error", error: evil })
        : JSON.stringify({ status: "success", data: { resultType, result } })
    )
  })
  return `http://127.0.0.1:${yield* listening(server)}`
})

layer(World, { excludeTestServices: true })("what comes from outside", (it) => {
  it.effect("steers no terminal, and is as it was in JSON", () =>
    Effect.gen(function* () {
      const { turns, url: POSTGRES_URL, user } = yield* Planted
      const person = yield* user
      const at = (yield* Day.yesterday).name
      yield* turns(
        Array.from({ length: 20 }, () => ({ user: person, at, model: evil, input: 9000, eur: 3, failed: true }))
      )
      const url = yield* prometheus
      const env = { PROMETHEUS_URL: url, ALERTMANAGER_URL: url, PARLEY_URL: url, POSTGRES_URL }
      const run = automation({ ...env, MONITORING_DIR: yield* folder })
      for (const args of [["costs"], ["daily"], ["daily", "--dry-run"], ["backup"], ["health"], ["suite"]]) {
        const { complaints, output } = yield* run(...args)
        assert.include(output, "evil", args.join(" "))
        assert.notMatch(output + complaints, steering, args.join(" "))
        assert.notMatch(output, /^OK all is well/mu)
      }
      for (const args of [["costs"], ["daily", "--dry-run"]]) {
        assert.include((yield* run(...args, "--json")).output, JSON.stringify(evil).slice(1, -1))
      }
    })
  )

  it.effect("steers none in an error, either", () =>
    Effect.gen(function* () {
      const { complaints } = yield* automation({})("costs", "--days", evil)
      assert.include(complaints, "evil")
      assert.notMatch(complaints, steering)
    })
  )
})
