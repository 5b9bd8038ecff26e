/**
 * Whoever comes, whatever they ask for, and however often: the series stay those of the first of them. A few hundred
 * requests in `make test`; CARDINALITY_REQUESTS=10000 sends so many, of 500 users.
 */
import { assert, layer, vi } from "@effect/vitest"
import { Console, Effect } from "effect"
import { randomUUID } from "node:crypto"
import { type Exposition, scrape } from "../../test/Exposition.ts"
import { events, newcomer, type Person, say, sessions } from "../../test/TestChat.ts"
import { TestServer } from "../../test/TestServer.ts"

const total = Number(process.env["CARDINALITY_REQUESTS"] ?? 300)
const userCount = Math.min(500, Math.ceil(total / 10))

vi.setConfig({ testTimeout: 60_000 + total * 100 })

/** What somebody does: with ids, methods, queries and texts of their own. */
const round = (person: Person): ReadonlyArray<Effect.Effect<unknown, unknown, TestServer>> => {
  const ask = (method: string, path: string, more = {}) =>
    Effect.flatMap(TestServer, (server) => server.ask(method, path, { token: person.token, ...more }))
  const own = `/v1/chat/sessions/${person.session_id}`
  return [
    say(person, `Hello from ${randomUUID()}`),
    events(person, `And again from ${randomUUID()}`),
    ask("GET", own),
    ask("PATCH", own, { body: { name: randomUUID() } }),
    ask("GET", `${own}/messages?limit=${1 + Math.floor(Math.random() * 100)}`),
    sessions("GET", `/${randomUUID()}`, person.token),
    ask("GET", `/${randomUUID()}/${randomUUID()}`),
    ask("POST", "/v1/auth/login", { body: { email: `${randomUUID()}@example.com`, password: "Wrong-horse-7" } }),
    ask(`X-${randomUUID()}`, `/${randomUUID()}`),
    ask("GET", "/v1/users/me/usage", { headers: { "user-agent": randomUUID(), "x-request-id": randomUUID() } })
  ]
}

/** Every series, by its name and labels. */
const seriesOf = ({ samples }: Exposition): ReadonlySet<string> =>
  new Set(samples.map(({ labels, name }) => `${name}${JSON.stringify(labels)}`))

layer(TestServer.layer, { excludeTestServices: true })("the series", (it) => {
  it.effect(`are after ${total} requests of ${userCount} users those of the first two`, () =>
    Effect.gen(function* () {
      for (const person of [yield* newcomer, yield* newcomer]) yield* Effect.all(round(person))
      // Who scrapes is somebody as well.
      yield* scrape
      const before = seriesOf(yield* scrape)
      const people = yield* Effect.forEach(Array.from({ length: userCount }), () => newcomer, { concurrency: 4 })
      const rounds = Array.from({ length: Math.ceil(total / userCount / 10) })
      // One after the other for each of them: a session has one turn at a time.
      const done = yield* Effect.forEach(people, (person) => Effect.forEach(rounds, () => Effect.all(round(person))), {
        concurrency: 8
      })
      const count = done.flat(2).length
      assert.isAtLeast(count, total)
      const after = seriesOf(yield* scrape)
      assert.deepStrictEqual(
        [...after].filter((series) => !before.has(series)),
        []
      )
      assert.strictEqual(after.size, before.size)
      const told = `${count} requests, ${people.length} users and sessions: ${before.size} series before, ${after.size} after`
      if (total > 1000) yield* Console.log(told)
    })
  )
})
