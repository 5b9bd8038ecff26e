/** A server that exports its traces to a receiver, to both kinds of places, and a person whose requests can be found there. */
import { Effect, Layer } from "effect"
import { randomUUID } from "node:crypto"
import { inspect } from "node:util"
import { OtlpReceiver } from "./OtlpReceiver.ts"
import type { Person } from "./TestChat.ts"
import { type Ask, TestServer } from "./TestServer.ts"

export const paths = { otlp: "/v1/traces", langfuse: "/api/public/otel/v1/traces" } as const

export const keys = { public: "pk-lf-of-these-tests", secret: "sk-lf-of-these-tests" }

export const settingsFor = (url: string) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: url,
  OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
  LANGFUSE_PUBLIC_KEY: keys.public,
  LANGFUSE_SECRET_KEY: keys.secret,
  LANGFUSE_HOST: url
})

export const layerWith = (settings: Readonly<Record<string, string>> = {}) =>
  Layer.unwrap(
    Effect.map(OtlpReceiver, ({ url }) => TestServer.layerWith({ settings: { ...settingsFor(url), ...settings } }))
  ).pipe(Layer.provideMerge(OtlpReceiver.layer))

/** With a request id of its own, by which its trace and its lines in the log are found. */
export const asked = Effect.fnUntraced(function* (method: string, path: string, { headers, ...ask }: Ask = {}) {
  const server = yield* TestServer
  const requestId = randomUUID()
  const reply = yield* server.ask(method, path, { ...ask, headers: { "x-request-id": requestId, ...headers } })
  return { ...reply, requestId }
})

/** One turn, as JSON or as a stream, to its end. */
export const turn = ({ session_id, token }: Person, path: "/v1/chat" | "/v1/chat/stream", content: string) =>
  asked("POST", path, { token, body: { session_id, content } })

/** Without what Langfuse is shown of what was said. */
const unshown = (attributes: Readonly<Record<string, unknown>>) =>
  Object.entries(attributes).filter(([name]) => !/^langfuse\.(?:trace|observation)\.(?:in|out)put$/u.test(name))

/** Each span that was exported until now, in full but for what was said in Langfuse's own fields. */
export const exportedTexts = Effect.gen(function* () {
  const { spans, trace } = yield* OtlpReceiver
  const { requestId } = yield* asked("GET", "/v1/users/me")
  yield* trace(paths.otlp, requestId)
  const langfuse = (yield* spans(paths.langfuse)).map((span) => ({ ...span, attributes: unshown(span.attributes) }))
  return [...(yield* spans(paths.otlp)), ...langfuse].map((span) =>
    inspect(span, { depth: 9, maxStringLength: null, maxArrayLength: null })
  )
})
