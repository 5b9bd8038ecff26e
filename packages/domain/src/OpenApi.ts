/** What the generated OpenAPI document is given beyond what schemas can say. */
import { Predicate } from "effect"
import { exampleOf, isJson, type Json } from "./OpenApiExamples.ts"
import { limitParameter } from "./Paging.ts"

/**
 * The second way to get a token, for API explorers: the Authorize button sends the e-mail address and the password to
 * the login endpoint. The requests themselves carry the same bearer token.
 */
const passwordFlow = {
  type: "oauth2",
  description: "Log in with e-mail address (as username) and password",
  flows: { password: { tokenUrl: "/api/v1/auth/login", refreshUrl: "/api/v1/auth/refresh", scopes: {} } }
}

/** Headers of any status. */
const headers = {
  "X-Request-Id": {
    description: "Names the request in the server's log; the one sent with the request, if it was well formed",
    schema: { type: "string", examples: ["0199c0de-0000-7000-8000-000000000005"] }
  },
  "RateLimit-Policy": {
    description:
      "The limits this request counts against: how many requests (`q`) in how many seconds (`w`). " +
      "Structured as in draft-ietf-httpapi-ratelimit-headers-10",
    schema: { type: "string", examples: ['"chat";q=30;w=60'] }
  },
  RateLimit: {
    description:
      "How many requests are left (`r`) for how many seconds (`t`) in each of these limits; refused is a request by the last",
    schema: { type: "string", examples: ['"chat";r=29;t=60'] }
  }
}

const reference = (name: keyof typeof headers) => ({ [name]: { $ref: `#/components/headers/${name}` } })

/** Headers that come with a status whatever the error, set in one place by the server. */
const headersByStatus: Record<string, Json> = {
  401: { "WWW-Authenticate": { schema: { type: "string" }, description: "`Bearer`" } },
  429: {
    "Retry-After": { schema: { type: "integer" }, description: "Seconds until the limit allows another attempt" }
  },
  409: { "Retry-After": { schema: { type: "integer" }, description: "Seconds, when repeating can help" } },
  503: { "Retry-After": { schema: { type: "integer" }, description: "Seconds to wait before the next attempt" } }
}

/**
 * What is answered to requests that are none of the document's operations, or that no operation sees. A client made from
 * the document sends none of them, so they are described here and not with each operation.
 */
const refusals: ReadonlyArray<readonly [status: number, name: string, detail: string, when: string, headers?: Json]> = [
  [404, "NoSuchPath", "Not found", "There is no such path; paths have no final slash."],
  [
    405,
    "MethodNotAllowed",
    "Method not allowed",
    "The path has other methods; `Allow` names them, and so does OPTIONS.",
    { Allow: { schema: { type: "string", examples: ["GET, HEAD, OPTIONS"] }, description: "The methods of the path" } }
  ],
  [408, "RequestTimeout", "Request timed out", "The request took longer to arrive than the server waits."],
  [431, "HeadersTooLarge", "Request header fields too large", "The headers are larger than 16 KiB."]
]

const refusalResponses = Object.fromEntries(
  refusals.map(([status, name, detail, when, headers]) => [
    name,
    {
      description: `${status}: ${when}`,
      headers: { "X-Request-Id": { $ref: "#/components/headers/X-Request-Id" }, ...headers },
      content: {
        "application/json": {
          schema: { type: "object", properties: { detail: { type: "string" } }, required: ["detail"] },
          example: { detail }
        }
      }
    }
  ])
)

/** For the description of the whole, in Markdown. */
export const refusalsDescription = [
  'Every error has the body `{"detail": "..."}`. Beside those of its operation, a request may be answered with:',
  "",
  ...refusals.map(([status, , , when]) => `- ${status}: ${when}`)
].join("\n")

const mapValues = (record: unknown, f: (value: Json, key: string) => unknown): Json =>
  isJson(record)
    ? Object.fromEntries(Object.entries(record).map(([key, value]) => [key, isJson(value) ? f(value, key) : value]))
    : {}

/** Class schemas come out as `EmailTakenEncoded`; clients should know them as `EmailTaken`. */
const withoutEncodedSuffix = (u: unknown): unknown => {
  if (Array.isArray(u)) return u.map(withoutEncodedSuffix)
  if (!isJson(u)) return u
  return Object.fromEntries(
    Object.entries(u).map(([key, value]) => [
      key,
      key === "$ref" && Predicate.isString(value) ? value.replace(/Encoded$/u, "") : withoutEncodedSuffix(value)
    ])
  )
}

const renamed = (schemas: Json): Json =>
  Object.fromEntries(
    Object.entries(schemas).map(([key, value]) => [key.replace(/Encoded$/u, ""), withoutEncodedSuffix(value)])
  )

/** With examples; without what only Effect's own client reads, and our stream never sends. */
const content = (body: Json, schemas: Json): Json => ({
  content: mapValues(body.content, ({ "x-effect-stream": _, ...media }) => ({
    ...media,
    ...exampleOf(media.schema, schemas)
  }))
})

const response = (response: Json, status: string, isLimited: boolean, schemas: Json): Json => ({
  ...response,
  headers: {
    ...reference("X-Request-Id"),
    ...(isLimited ? { ...reference("RateLimit-Policy"), ...reference("RateLimit") } : {}),
    ...headersByStatus[status]
  },
  ...(response.content === undefined ? {} : content(response, schemas))
})

/** A body that may be left out is declared as one that may be null. */
const requestBody = (body: Json, schemas: Json): Json => {
  let required = true
  const declared = mapValues(body.content, (media) => {
    const members = isJson(media.schema) && Array.isArray(media.schema.anyOf) ? media.schema.anyOf : []
    const [only, ...more] = members.filter((member) => !isJson(member) || member.type !== "null")
    if (only === undefined || more.length + 1 === members.length) return media
    required = false
    return { ...media, schema: only }
  })
  return { ...content({ content: declared }, schemas), required }
}

/** An operation that takes a bearer token takes one from the password flow as well. */
const secured = (security: unknown): unknown =>
  Array.isArray(security) && security.some((scheme) => isJson(scheme) && "bearer" in scheme)
    ? [...security, { password: [] }]
    : security

const parameter = (parameter: unknown): unknown =>
  isJson(parameter) && parameter.name === "limit" ? { ...parameter, ...limitParameter } : parameter

/** Whatever can be refused as too much tells with each response how much is left. */
const isLimited = ({ responses }: Json): boolean => isJson(responses) && "429" in responses

const operation = (op: Json, schemas: Json): Json => ({
  ...op,
  ...(Array.isArray(op.parameters) ? { parameters: op.parameters.map(parameter) } : {}),
  ...(isJson(op.requestBody) ? { requestBody: requestBody(op.requestBody, schemas) } : {}),
  responses: mapValues(op.responses, (value, status) => response(value, status, isLimited(op), schemas)),
  security: secured(op.security)
})

export const documented = (spec: Json): Json => {
  const { components, paths, ...rest } = spec
  if (!isJson(components)) return spec
  const schemas = isJson(components.schemas) ? renamed(components.schemas) : {}
  return {
    ...rest,
    paths: mapValues(withoutEncodedSuffix(paths), (item) => mapValues(item, (op) => operation(op, schemas))),
    components: {
      schemas,
      responses: refusalResponses,
      headers,
      securitySchemes: { ...mapValues(components.securitySchemes, (scheme) => scheme), password: passwordFlow }
    }
  }
}
