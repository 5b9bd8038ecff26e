/** Parley itself, asked as a probe asks it. */
import { Effect, Option, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { ask, NotAnswered, shortened } from "../Asked.ts"
import { settings } from "../settings.ts"
import { critical, ok, runbook, warning, type Check } from "./Check.ts"
import * as HealthRepo from "./HealthRepo.ts"

const todo = `is it running, and is PARLEY_URL right? ${runbook("apidown")}`

const get = Effect.fnUntraced(function* (path: string) {
  const { metricsToken, parley } = yield* settings
  const request = HttpClientRequest.get(path)
  const authorized =
    path === "/metrics" && Option.isSome(metricsToken)
      ? HttpClientRequest.bearerToken(request, metricsToken.value)
      : request
  return yield* ask(parley, authorized, (response) =>
    Effect.map(response.text, (text) => ({ status: response.status, text }))
  )
})

const NotReady = Schema.fromJsonString(Schema.Struct({ detail: Schema.String }))
const Health = Schema.fromJsonString(
  Schema.Struct({
    status: Schema.String,
    version: Schema.String,
    components: Schema.Record(Schema.String, Schema.String)
  })
)

const health = Effect.flatMap(get("/health"), ({ status, text }) =>
  Effect.mapError(
    Schema.decodeUnknownEffect(Health)(text),
    () =>
      new NotAnswered({ url: "/health", reason: `answered ${status}, and what Parley does not: ${shortened(text)}` })
  )
)

const live = Effect.map(get("/health/live"), ({ status }) =>
  status === 200 ? ok("answers") : critical(`/health/live answered ${status}`, todo)
)

const ready = Effect.gen(function* () {
  const { status, text } = yield* get("/health/ready")
  if (status === 200) return ok("takes requests")
  const why = yield* Effect.option(Schema.decodeUnknownEffect(NotReady)(text))
  return critical(
    `${status}: ${Option.match(why, { onNone: () => shortened(text), onSome: ({ detail }) => detail })}`,
    todo
  )
})

const components = Effect.map(health, ({ components, version }) => {
  const ill = Object.entries(components).filter(([, state]) => state !== "healthy")
  return ill.length === 0
    ? ok(`${Object.keys(components).join(", ")}; version ${version}`)
    : critical(ill.map(([name, state]) => `${name} is ${state}`).join(", "), todo)
})

const metrics = Effect.map(get("/metrics"), ({ status }) => {
  if (status === 200) return ok("served")
  return status === 401 || status === 403
    ? critical(`refused with ${status}`, "set METRICS_TOKEN as the server has it")
    : critical(`answered ${status}`, todo)
})

/** Asked itself where it may be, else through the server. */
const database = HealthRepo.answers.pipe(
  Effect.map(({ millis }) => ok(`answers in ${millis} ms`)),
  Effect.catchTag("NoDatabase", () =>
    health.pipe(
      Effect.map(({ components }) => {
        const state = components["database"]
        if (state === "healthy") return ok("healthy, says the API; POSTGRES_URL would ask it")
        return state === undefined
          ? warning("the API says nothing of it", "set POSTGRES_URL to have it asked")
          : critical(`${state}, says the API`, runbook("apidown"))
      }),
      // It is the API that was asked.
      Effect.catch(({ message }) => Effect.succeed(critical(shortened(message), todo)))
    )
  )
)

export const checks: ReadonlyArray<Check> = [
  { name: "API live", todo, look: live },
  { name: "API ready", todo, look: ready },
  { name: "API health", todo, look: components },
  { name: "API metrics", todo, look: metrics },
  { name: "Database", todo: `is it running, and is POSTGRES_URL right? ${runbook("apidown")}`, look: database }
]
