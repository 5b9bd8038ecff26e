/** Parley as a process, set up as in production, and a client that knows just enough of it. */
import { Clock, Effect, Schema } from "effect"
import { answers, freePort, start } from "./Processes.ts"

/** Both servers of a comparison check tokens with it. */
export const secretKey = "a secret of the benchmarks, 32 bytes or more"

/** Of Parley's pool, and of any it is compared with. */
export const poolSize = 10

/** Counted as for anybody, and never reached. */
const limit = "999999999 per hour"

/** Starts it and waits until it is ready. Its logs, one JSON line a request, go to /dev/null. */
export const run = Effect.fnUntraced(function* (options: {
  readonly database: string
  readonly modelUrl: string
  readonly settings?: Readonly<Record<string, string>>
}) {
  const port = yield* freePort
  const url = `http://127.0.0.1:${port}`
  const startedAt = yield* Clock.currentTimeMillis
  const { pid } = yield* start("src/main.ts", {
    env: {
      APP_ENV: "production",
      HOST: "127.0.0.1",
      PORT: String(port),
      POSTGRES_URL: options.database,
      POSTGRES_POOL_SIZE: String(poolSize),
      JWT_SECRET_KEY: secretKey,
      LLM_API_KEY: "stub",
      LLM_BASE_URL: options.modelUrl,
      RATE_LIMIT_DEFAULT: limit,
      RATE_LIMIT_CHAT: limit,
      RATE_LIMIT_CHAT_STREAM: limit,
      RATE_LIMIT_REGISTER: limit,
      RATE_LIMIT_LOGIN: limit,
      USER_MONTHLY_LIMIT_EUR: "1000000",
      ...options.settings
    }
  })
  yield* answers(`${url}/health/ready`)
  return { url, pid, bootMillis: (yield* Clock.currentTimeMillis) - startedAt }
})

const decode = <A>(schema: Schema.Codec<A, unknown>) => Schema.decodeUnknownEffect(Schema.fromJsonString(schema))

/** A new account's view of a running Parley. Anything but success is a defect of the benchmark. */
export const client = Effect.fnUntraced(function* (url: string) {
  const post = (path: string, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
    Effect.promise(async (signal) => {
      const response = await fetch(`${url}/api/v1${path}`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify(body),
        signal
      })
      const text = await response.text()
      if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`)
      return text
    })
  const email = `bench${++accounts}@example.com`
  const account = yield* post("/auth/register", { email, password: "Correct-horse-7" })
  const { access_token } = yield* decode(Schema.Struct({ access_token: Schema.String }))(account)
  const authorization = { authorization: `Bearer ${access_token}` }
  return {
    email,
    token: access_token,
    /** Gives the body as text. */
    post: (path: string, body: unknown) => post(path, body, authorization),
    openSession: post("/chat/sessions", { name: "Holiday plans" }, authorization).pipe(
      Effect.flatMap(decode(Schema.Struct({ session_id: Schema.String }))),
      Effect.map(({ session_id }) => session_id),
      Effect.orDie
    )
  }
}, Effect.orDie)

let accounts = 0
