/** People who do everything at once, for as long as they are let: what a server has in a day, in minutes. */
import { Effect, Random, Schema } from "effect"

interface Expected {
  readonly method?: string
  readonly body?: unknown
  readonly token?: string
  readonly status: number
}

const Tokens = Schema.fromJsonString(Schema.Struct({ access_token: Schema.String }))
const Session = Schema.fromJsonString(Schema.Struct({ session_id: Schema.String }))

export interface Counts {
  requests: number
  aborted: number
  /** What was answered otherwise than it should be. */
  readonly errors: Array<string>
}

const password = "Correct-horse-7"

/** Made once for all who walk, each of whom has an index. */
export const make = (url: string) => {
  const counts: Counts = { requests: 0, aborted: 0, errors: [] }

  const send = (path: string, { body, method = "POST", token }: Expected, signal: AbortSignal) =>
    fetch(`${url}/api/v1${path}`, {
      method,
      signal,
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` })
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })

  const ask = (path: string, expected: Expected) =>
    Effect.tryPromise(async (signal) => {
      counts.requests++
      const response = await send(path, expected, signal)
      const text = await response.text()
      if (response.status !== expected.status) throw new Error(`${path} answered ${response.status}: ${text}`)
      if (text.includes("event: error")) throw new Error(`${path} ended in an error`)
      return text
    })

  /** Gone after so many milliseconds, wherever the turn is then. */
  const abort = (path: string, expected: Expected, millis: number) =>
    Effect.promise(async () => {
      counts.aborted++
      await send(path, expected, AbortSignal.timeout(millis)).then(
        (response) => response.text(),
        () => ""
      )
    }).pipe(Effect.ignoreCause)

  const register = (email: string) =>
    Effect.flatMap(
      ask("/auth/register", { body: { email, password }, status: 201 }),
      Schema.decodeUnknownEffect(Tokens)
    )
  const login = (email: string) =>
    Effect.flatMap(ask("/auth/login", { body: { email, password }, status: 200 }), Schema.decodeUnknownEffect(Tokens))
  const open = (token: string) =>
    Effect.flatMap(ask("/chat/sessions", { token, body: {}, status: 201 }), Schema.decodeUnknownEffect(Session))

  /** One account's life: some dozens of steps, then its end. */
  const life = Effect.fnUntraced(function* (email: string) {
    let { access_token: token } = yield* register(email)
    let { session_id } = yield* open(token)
    const get = (path: string) => ask(path, { method: "GET", token, status: 200 })
    for (let step = 0; step < 60; step++) {
      const body = { session_id, content: `This is what I say in step ${step}` }
      const kind = yield* Random.nextIntBetween(0, 11)
      if (kind <= 1) yield* ask("/chat", { token, body, status: 200 })
      else if (kind <= 3) yield* ask("/chat/stream", { token, body, status: 200 })
      else if (kind === 4) {
        yield* abort("/chat/stream", { token, body, status: 200 }, yield* Random.nextIntBetween(5, 150))
        // Until the server has noticed, its session is busy.
        session_id = (yield* open(token)).session_id
      } else if (kind === 5) yield* get("/chat/sessions?limit=20")
      else if (kind === 6) yield* get(`/chat/sessions/${session_id}/messages`)
      else if (kind === 7) yield* ask("/chat", { token, body: { session_id, contents: "?" }, status: 422 })
      else if (kind === 8) session_id = (yield* open(token)).session_id
      else if (kind === 9) yield* get("/users/me/usage")
      else yield* ask("/users/me", { method: "GET", token: `${token}x`, status: 401 })
      if (step === 30) token = (yield* login(email)).access_token
      yield* Effect.sleep(yield* Random.nextIntBetween(20, 120))
    }
    yield* ask("/users/me", { method: "DELETE", token, body: { current_password: password }, status: 204 })
  })

  const walk = Effect.fnUntraced(function* (walker: number) {
    for (let number = 0; ; number++) {
      yield* life(`walker${walker}.${number}@example.com`).pipe(
        Effect.catch((error) =>
          Effect.andThen(
            Effect.sync(() => counts.errors.push(String(error.cause ?? error))),
            Effect.sleep("1 second")
          )
        )
      )
    }
  })
  return { counts, walk }
}
