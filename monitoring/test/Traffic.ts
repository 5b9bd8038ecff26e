/** What people do: everything there is to do, well and badly, as it comes. */
import { Effect, Schema } from "effect"
import { said } from "./Outside.ts"
import * as Stripe from "./Stripe.ts"

interface Ask {
  readonly token?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

const Tokens = Schema.fromJsonString(Schema.Struct({ access_token: Schema.String, refresh_token: Schema.String }))
const Opened = Schema.fromJsonString(Schema.Struct({ session_id: Schema.String }))

const caller =
  (url: string) =>
  (method: string, path: string, { body, headers, token }: Ask) =>
    Effect.promise(async (signal) => {
      const response = await fetch(`${url}/api/v1${path}`, {
        method,
        signal,
        headers: {
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...headers
        },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) })
      })
      return { status: response.status, text: await response.text() }
    })

const plans = [
  ["basic", 900],
  ["pro", 1900],
  ["team", 9900]
] as const

interface Person {
  readonly email: string
  readonly token: string
  readonly session: string
  /** Some use more than others. */
  readonly tokens: string
}

/** Everybody and everything of a server. */
export const make = (url: string) => {
  const call = caller(url)
  const password = "Correct-horse-7"

  const register = Effect.fnUntraced(function* (index: number) {
    const email = `person-${index}@example.com`
    const { text } = yield* call("POST", "/auth/register", { body: { email, password } })
    const { access_token: token } = yield* Schema.decodeUnknownEffect(Tokens)(text)
    const opened = yield* call("POST", "/chat/sessions", { token, body: {} })
    const { session_id: session } = yield* Schema.decodeUnknownEffect(Opened)(opened.text)
    const tokens = `${3000 * (1 + (index % 6))} in, ${300 * (1 + (index % 5))} out`
    const person: Person = { email, token, session, tokens }
    return person
  }, Effect.orDie)

  const say = ({ session: session_id, token, tokens }: Person, content: string, isStream = false) =>
    call("POST", isStream ? "/chat/stream" : "/chat", { token, body: { session_id, content: `${content} ${tokens}` } })

  /** Listens to a stream, but not for long. */
  const leave = (person: Person) => Effect.timeoutOption(say(person, "Wait", true), "200 millis")

  const login = (email: string, password: string) => call("POST", "/auth/login", { body: { email, password } })

  /** One whose refresh token is used by somebody else, too. */
  const robbed = Effect.fnUntraced(function* ({ email }: Person) {
    const { text } = yield* login(email, password)
    const { refresh_token } = yield* Schema.decodeUnknownEffect(Tokens)(text)
    for (const _ of [1, 2, 3]) yield* call("POST", "/auth/refresh", { body: { refresh_token } })
  }, Effect.orDie)

  const told = Effect.fnUntraced(function* (type: string, object: Readonly<Record<string, unknown>>) {
    const { body, header } = yield* Stripe.signed(type, object)
    const { status, text } = yield* call("POST", "/webhooks/stripe", { body, headers: { "stripe-signature": header } })
    if (status >= 300) return yield* Effect.die(new Error(`Stripe's event was answered with ${status}: ${text}`))
  })

  const subscribe = Effect.fnUntraced(function* (index: number) {
    const [plan, cents] = plans[index % plans.length] ?? plans[0]
    const one = Stripe.subscription(plan, cents)
    yield* told("customer.subscription.created", one)
    yield* told("charge.succeeded", Stripe.charge(cents))
    if (index % 6 === 5) yield* told("customer.subscription.deleted", { ...one, status: "canceled" })
    if (index % 30 === 9) yield* told("charge.failed", Stripe.failedCharge(cents))
    const paid = Stripe.charge(cents)
    if (index % 12 === 4) {
      yield* told("charge.succeeded", paid)
      yield* told("charge.refunded", { ...paid, amount_refunded: cents, refunded: true })
    }
  })

  /** What happens in a moment, the `n`th; some of it each time, some now and then. */
  const moment = Effect.fnUntraced(function* (people: ReadonlyArray<Person>, n: number) {
    const person = people[n % people.length]
    const other = people[(n * 7 + 3) % people.length]
    // Not talking already, mostly: a session has one turn at a time.
    const third = people[(n * 5 + 1) % people.length]
    if (person === undefined || other === undefined || third === undefined) return
    const each = (every: number, effect: Effect.Effect<unknown>) => (n % every === every - 1 ? [effect] : [])
    yield* Effect.all(
      [
        say(person, "Is it so?"),
        ...each(2, say(other, "And as a stream?", true)),
        ...each(9, say(third, said.retried)),
        ...each(23, say(third, said.fallenBack)),
        ...each(31, say(third, said.refused)),
        ...each(8, leave(third)),
        ...each(2, call("GET", "/chat/sessions", { token: person.token })),
        ...each(3, call("GET", `/chat/sessions/${other.session}/messages`, { token: other.token })),
        ...each(4, login(person.email, password)),
        ...each(5, login(other.email, "Wrong-horse-7")),
        ...each(6, call("GET", "/users/me", {})),
        ...each(7, call("GET", "/users/me/usage", { token: other.token })),
        ...each(20, register(n + 1000)),
        // Early, so that its alert fires for a while.
        ...(n % 50 === 4 ? [robbed(person)] : []),
        ...each(6, subscribe(Math.floor(n / 6)))
      ],
      { concurrency: "unbounded", discard: true }
    )
  })

  return { register, moment }
}

/** So many moments, one after the other, each as long as it takes and then some. */
export const run = Effect.fnUntraced(function* (
  url: string,
  options: { readonly people: number; readonly moments: number; readonly pauseMillis: number }
) {
  const { moment, register } = make(url)
  const people = yield* Effect.forEach(
    Array.from({ length: options.people }, (_, index) => index),
    register,
    { concurrency: 4 }
  )
  for (let n = 0; n < options.moments; n++) {
    yield* moment(people, n)
    yield* Effect.sleep(options.pauseMillis)
  }
})
