/** The API as programs in Effect see it: every endpoint with its types, and a login that stays fresh. */
import { Clock, Context, DateTime, Effect, Fiber, Layer, Option, Redacted, Ref, Semaphore, Stream } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { HttpApiClient, HttpApiMiddleware } from "effect/http-api"
import { Api } from "./Api.ts"
import type { Credentials, Registration, Tokens } from "./Auth.ts"
import type { ChatRequest } from "./Chat.ts"
import { Authorization } from "./Users.ts"

export interface Options {
  /** Where the server is, such as https://parley.example.com; not needed on a page that it serves. */
  readonly baseUrl?: URL | string
  /** Of a login that was kept somewhere. */
  readonly tokens?: Tokens
  /** Told of each new pair, to keep it somewhere, and of `none` when the login has ended. The pair before is no good then. */
  readonly onTokens?: (tokens: Option.Option<Tokens>) => Effect.Effect<void>
}

/** A token with less than this left is exchanged before it is used; one that lives shortly, when half of it is over. Seconds. */
const marginSeconds = 60

interface Login {
  readonly tokens: Tokens
  /** By the clock here: that of the server may go differently. */
  readonly staleAtMillis: number
}

/** A login made just now. */
const loginOf = (tokens: Tokens) =>
  Effect.map(Clock.currentTimeMillis, (now): Login => {
    const margin = Math.min(marginSeconds, tokens.expires_in / 2)
    return { tokens, staleAtMillis: now + (tokens.expires_in - margin) * 1000 }
  })

const restored = (tokens: Tokens): Login => ({
  tokens,
  staleAtMillis: DateTime.toEpochMillis(tokens.expires_at) - marginSeconds * 1000
})

/** Keeps the pair of tokens. However many requests find it too old, one of them exchanges it, and the others wait. */
const makeSession = Effect.fnUntraced(function* ({ baseUrl, onTokens = () => Effect.void, tokens }: Options) {
  const httpClient = yield* HttpClient.HttpClient
  const exchange = yield* HttpApiClient.endpoint(Api, {
    group: "auth",
    endpoint: "refresh",
    httpClient,
    baseUrl
  })
  const current = yield* Ref.make(Option.map(Option.fromUndefinedOr(tokens), restored))
  const alone = Semaphore.withPermits(yield* Semaphore.make(1), 1)

  const set = (login: Option.Option<Login>) =>
    Effect.andThen(Ref.set(current, login), onTokens(Option.map(login, ({ tokens }) => tokens)))

  /** What there is in the place of `old`. The refresh token is good for one use: its answer is kept, whoever has gone meanwhile. */
  const renewed = (old: Login) =>
    alone(
      Effect.gen(function* () {
        const found = yield* Ref.get(current)
        if (Option.isNone(found) || found.value !== old) return found
        const login = yield* exchange({ payload: { refresh_token: Redacted.make(old.tokens.refresh_token) } }).pipe(
          Effect.flatMap(loginOf),
          Effect.map(Option.some),
          Effect.catchTag("Unauthorized", () => Effect.succeed(Option.none<Login>()))
        )
        // Who has logged in or out meanwhile, with or without the old pair, is not overruled.
        const now = yield* Ref.get(current)
        if (now !== found) return now
        yield* set(login)
        return login
      })
    ).pipe(
      Effect.timeout("30 seconds"),
      // A server that is away for the moment has ended no login.
      Effect.catch(() => Effect.succeed(Option.some(old))),
      Effect.forkDetach,
      Effect.flatMap(Fiber.join)
    )

  const fresh = Effect.gen(function* () {
    const login = yield* Ref.get(current)
    if (Option.isNone(login)) return login
    return login.value.staleAtMillis > (yield* Clock.currentTimeMillis) ? login : yield* renewed(login.value)
  })

  const authorized = HttpApiMiddleware.layerClient(Authorization, ({ next, request }) =>
    Effect.gen(function* () {
      const login = yield* fresh
      if (Option.isNone(login)) return yield* next(request)
      const response = yield* next(withToken(request, login.value))
      if (response.status !== 401) return response
      // It was revoked, or the clocks differ.
      const other = yield* renewed(login.value)
      const isOther = Option.isSome(other) && other.value !== login.value
      return isOther ? yield* next(withToken(request, other.value)) : response
    })
  )

  return { authorized, current, set }
})

const withToken = (request: HttpClientRequest.HttpClientRequest, { tokens }: Login) =>
  HttpClientRequest.bearerToken(request, tokens.access_token)

/** See `docs/clients.md`. */
export const make = Effect.fnUntraced(function* (options: Options) {
  const { authorized, current, set } = yield* makeSession(options)
  const { baseUrl } = options
  const api = yield* Effect.provide(HttpApiClient.make(Api, { baseUrl }), authorized)
  const keep = (tokens: Tokens) => Effect.flatMap(loginOf(tokens), (login) => set(Option.some(login)))

  return {
    /** Every endpoint, by group and name. */
    api,
    /** Makes an account, and is logged in to it. */
    register: (payload: Registration) => Effect.tap(api.auth.register({ payload }), keep),
    login: (payload: Credentials) => Effect.tap(api.auth.login({ payload }), keep),
    /** Ends the login on the server, too; if that cannot be told of it, at least here. */
    logout: Effect.ensuring(api.auth.logout({ payload: undefined }), set(Option.none())),
    /** The pair that is in use: none when nobody is logged in, or no longer. */
    tokens: Effect.map(
      Ref.get(current),
      Option.map(({ tokens }) => tokens)
    ),
    /**
     * One turn as its events: `token`, `tool`, then one `done` or `error`. Errors before the first are those of the
     * stream. Interrupting it cancels the turn, unless the request says `on_disconnect: "continue"`.
     */
    chat: (payload: ChatRequest) => Stream.unwrap(api.chat.stream({ payload }))
  }
})

/** As a service, for programs that have one. */
export class Client extends Context.Service<Client, Effect.Success<ReturnType<typeof make>>>()(
  "@parley/domain/Client"
) {
  static readonly layer = (options: Options) => Layer.effect(Client, make(options))
}
