/** What the time of a refused login tells of the address: whether there is such an account must not be heard from it. */
import { Duration, Effect } from "effect"
import * as Parley from "../Parley.ts"
import { Postgres } from "../Postgres.ts"
import { atMost, progress, type Row } from "../Row.ts"
import { median, range } from "../Statistics.ts"

const rounds = 200
const warmUp = 5
const failures = 4

const millis = (value: number) => `${value.toFixed(1)} ms`

const measure = Effect.gen(function* () {
  const { database } = yield* Postgres
  const parley = yield* Parley.run({ database: yield* database, modelUrl: "http://127.0.0.1:9/v1" })
  // More failures than these in a row are answered without a look at the password.
  yield* progress("registering")
  const accounts = yield* Effect.forEach(Array.from({ length: Math.ceil((rounds + warmUp) / failures) }), () =>
    Parley.client(parley.url)
  )

  const attempt = (email: string) =>
    Effect.promise(async (signal) => {
      const response = await fetch(`${parley.url}/api/v1/auth/login`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ email, password: "Wrong-horse-7" }),
        signal
      })
      const text = await response.text()
      if (response.status !== 401) throw new Error(`a wrong login was answered with ${response.status}: ${text}`)
    }).pipe(
      Effect.timed,
      Effect.map(([duration]) => Duration.toMillis(duration))
    )
  let [knownTried, unknownTried] = [0, 0]
  const known = Effect.suspend(() => attempt(accounts[Math.floor(knownTried++ / failures)]?.email ?? ""))
  const unknown = Effect.suspend(() => attempt(`nobody${Math.floor(unknownTried++ / failures)}@example.com`))

  yield* Effect.forEach([known, unknown], (login) => Effect.repeat(login, { times: warmUp - 1 }))
  // One after the other, and each as often first, so that what else the machine does is felt by both alike.
  const measured = yield* Effect.forEach(Array.from({ length: rounds }), (_, index) =>
    Effect.gen(function* () {
      if (index % 50 === 0) yield* progress(`round ${index + 1} of ${rounds}`)
      if (index % 2 === 0) return { known: yield* known, unknown: yield* unknown }
      const second = yield* unknown
      return { known: yield* known, unknown: second }
    })
  )
  const ours = measured.map(({ known }) => known)
  const theirs = measured.map(({ unknown }) => unknown)
  const apart = Math.abs(median(ours) / median(theirs) - 1) * 100
  return [
    {
      what: "refused logins of known against unknown addresses, how far their medians are apart",
      measured: `${apart.toFixed(2)} % (${millis(median(ours))} against ${millis(median(theirs))})`,
      spread: range([...ours, ...theirs], millis),
      bar: atMost(apart, 5, "%")
    }
  ]
})

export const loginTiming: Row = { name: "login-timing", measure }
