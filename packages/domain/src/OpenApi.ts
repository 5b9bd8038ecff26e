/** What the generated OpenAPI document is given beyond what schemas can say. */
import { Predicate } from "effect"

type Json = Record<string, unknown>

/**
 * The second way to get a token, for API explorers: the Authorize button sends the e-mail address and the password to
 * the login endpoint. The requests themselves carry the same bearer token.
 */
const passwordFlow = {
  type: "oauth2",
  description: "Log in with e-mail address (as username) and password",
  flows: { password: { tokenUrl: "/api/v1/auth/login", refreshUrl: "/api/v1/auth/refresh", scopes: {} } }
}

const isJson = (u: unknown): u is Json => Predicate.isObject(u) && !Array.isArray(u)

/** Class schemas come out as `EmailTakenEncoded`; clients should know them as `EmailTaken`. */
const withoutEncodedSuffix = (u: unknown): unknown => {
  if (Array.isArray(u)) return u.map(withoutEncodedSuffix)
  if (!isJson(u)) return u
  const out: Json = {}
  for (const [key, value] of Object.entries(u)) {
    out[key] =
      key === "$ref" && Predicate.isString(value)
        ? value.replace(/^(#\/components\/schemas\/.+)Encoded$/u, "$1")
        : withoutEncodedSuffix(value)
  }
  return out
}

const renameKeys = (schemas: Json): Json =>
  Object.fromEntries(Object.entries(schemas).map(([key, value]) => [key.replace(/Encoded$/u, ""), value]))

/** Headers that come with a status whatever the error, set in one place by the server. */
const headersByStatus: Record<string, Json> = {
  401: { "WWW-Authenticate": { schema: { type: "string" }, description: "`Bearer`" } },
  409: { "Retry-After": { schema: { type: "integer" }, description: "Seconds, when repeating can help" } },
  503: { "Retry-After": { schema: { type: "integer" }, description: "Seconds to wait before the next attempt" } }
}

const withHeaders = (responses: Json): Json =>
  Object.fromEntries(
    Object.entries(responses).map(([status, response]) => {
      const headers = headersByStatus[status]
      return [status, headers !== undefined && isJson(response) ? { ...response, headers } : response]
    })
  )

/** Headers of its errors; and an operation that takes a bearer token takes one from the password flow as well. */
const completed = (operation: unknown): unknown => {
  if (!isJson(operation)) return operation
  const { responses, security } = operation
  const bearer = Array.isArray(security) && security.some((scheme) => isJson(scheme) && "bearer" in scheme)
  return {
    ...operation,
    ...(isJson(responses) ? { responses: withHeaders(responses) } : {}),
    ...(bearer ? { security: [{ password: [] }, ...security] } : {})
  }
}

export const documented = (spec: Json): Json => {
  const { components, paths, ...rest } = spec
  if (!isJson(components) || !isJson(paths)) return spec
  const { schemas, securitySchemes } = components
  const operations = Object.entries(paths).map(([path, item]) => [
    path,
    isJson(item) ? Object.fromEntries(Object.entries(item).map(([method, op]) => [method, completed(op)])) : item
  ])
  return {
    ...rest,
    paths: withoutEncodedSuffix(Object.fromEntries(operations)),
    components: {
      schemas: withoutEncodedSuffix(isJson(schemas) ? renameKeys(schemas) : {}),
      // The first is what explorers show first: people have a password, not a token.
      securitySchemes: { password: passwordFlow, ...(isJson(securitySchemes) ? securitySchemes : {}) }
    }
  }
}
