/**
 * GET /api/v1/chat/sessions/{session_id} on bare Fastify, doing what Parley does for it: the same checks of the token
 * by jose, remembered; the same check of its login, remembered for 30 s; the same prepared statement on a pool of the
 * same size; a schema for path and answer; the same headers; and one JSON line in the log.
 */
import Fastify, { type FastifyReply, type FastifyRequest, LogController } from "fastify"
import { type JWTPayload, jwtVerify } from "jose"
import { randomUUID } from "node:crypto"
import { parseArgs } from "node:util"
import { Pool } from "pg"

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    database: { type: "string", default: "" },
    pool: { type: "string", default: "10" },
    key: { type: "string", default: "" }
  }
})

const pool = new Pool({ connectionString: values.database, max: Number(values.pool) })
const hmac = { name: "HMAC", hash: "SHA-256" }
const key = await crypto.subtle.importKey("raw", new TextEncoder().encode(values.key), hmac, false, ["verify"])

declare module "fastify" {
  interface FastifyRequest {
    userId: string
  }
}

const logins = new Map<string, { readonly isOpen: boolean; readonly untilMillis: number }>()

const isOpen = async (login: string): Promise<boolean> => {
  const known = logins.get(login)
  if (known !== undefined && known.untilMillis > Date.now()) return known.isOpen
  const text = "SELECT id FROM login_families WHERE id = $1 AND revoked_at IS NULL"
  const { rows } = await pool.query({ name: "login", text, values: [login] })
  const found = { isOpen: rows.length > 0, untilMillis: Date.now() + 30_000 }
  logins.set(login, found)
  return found.isOpen
}

const checks = {
  algorithms: ["HS256"],
  issuer: "parley",
  audience: "parley-api",
  typ: "at+jwt",
  requiredClaims: ["sub", "sid", "jti", "iat", "exp"]
}

const tokens = new Map<string, JWTPayload>()
const maxTokens = 10_000

/** What a good token says. */
const claimsOf = async (token: string): Promise<JWTPayload | undefined> => {
  const known = tokens.get(token)
  if (known !== undefined) return (known.exp ?? 0) * 1000 > Date.now() ? known : undefined
  const verified = await jwtVerify(token, key, checks).catch(() => undefined)
  if (verified !== undefined) {
    if (tokens.size >= maxTokens) tokens.clear()
    tokens.set(token, verified.payload)
  }
  return verified?.payload
}

/** Whose token it is, if it is good and its login still stands. */
const authenticate = async (authorization: string): Promise<string | undefined> => {
  const { sid, sub } = (await claimsOf(authorization.slice("Bearer ".length))) ?? {}
  return typeof sid === "string" && (await isOpen(sid)) ? sub : undefined
}

const wellFormedId = /^[A-Za-z0-9._-]{8,128}$/u

const app = Fastify({
  logger: true,
  logController: new LogController({ disableRequestLogging: true }),
  genReqId: ({ headers }) => {
    const sent = headers["x-request-id"]
    return typeof sent === "string" && wellFormedId.test(sent) ? sent : randomUUID()
  }
})
app.decorateRequest("userId", "")

const onRequest = async (request: FastifyRequest, reply: FastifyReply) => {
  reply.headers({ "x-request-id": request.id, "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" })
  const userId = await authenticate(request.headers.authorization ?? "")
  if (userId !== undefined) request.userId = userId
  else return reply.code(401).header("www-authenticate", "Bearer").send({ detail: "Invalid or expired token" })
}

app.addHook("onResponse", async (request, reply) => {
  request.log.info(
    {
      request_id: request.id,
      user_id: request.userId,
      method: request.method,
      route: request.routeOptions.url,
      status: reply.statusCode,
      duration_ms: reply.elapsedTime
    },
    "request"
  )
})

interface Params {
  readonly session_id: string
}

const text = "SELECT session_id, name, created_at FROM sessions WHERE session_id = $1 AND user_id = $2"

const get = async (request: FastifyRequest<{ Params: Params }>, reply: FastifyReply) => {
  const { rows } = await pool.query({ name: "session", text, values: [request.params.session_id, request.userId] })
  return rows[0] ?? reply.code(404).send({ detail: "Session not found" })
}

const session = {
  type: "object",
  required: ["session_id", "name", "created_at"],
  properties: {
    session_id: { type: "string" },
    name: { type: "string" },
    created_at: { type: "string", format: "date-time" }
  }
}
const params = {
  type: "object",
  required: ["session_id"],
  properties: { session_id: { type: "string", format: "uuid" } }
}

const schema = { params, response: { 200: session } }
app.get<{ Params: Params }>("/api/v1/chat/sessions/:session_id", { schema, onRequest }, get)
app.get("/health/ready", () => ({ status: "ready" }))

await app.listen({ host: "127.0.0.1", port: Number(values.port) })
