/** Requests to whatever operations the OpenAPI document has, made of its examples. */
import { Effect, Record, Schema } from "effect"
import type { Operation } from "./ApiDocument.ts"

export interface ApiRequest {
  readonly method: string
  readonly path: string
  readonly body?: Readonly<Record<string, unknown>>
}

const Body = Schema.Record(Schema.String, Schema.Unknown)

/** The example of an operation ("get /path"), with what is known put in the place of what it says. */
export const requestOf = Effect.fnUntraced(function* (
  name: string,
  { requestBody }: Operation,
  known: Readonly<Record<string, string>>
) {
  const [method = "", template = ""] = name.split(" ")
  const path = template.replaceAll(/\{(\w+)\}/gu, (_, parameter: string) => known[parameter] ?? parameter)
  const request: ApiRequest = { method: method.toUpperCase(), path }
  const media = requestBody?.content["application/json"]
  if (media === undefined) return request
  const example = media.example ?? Object.values(media.examples ?? {})[0]?.value
  const body = Record.map(yield* Schema.decodeUnknownEffect(Body)(example), (value, field) => known[field] ?? value)
  return { ...request, body }
})
