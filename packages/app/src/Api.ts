/** The calls of Parley's API that the page makes. Each fails with a `Problem`. */
import { EventSourceParserStream } from "eventsource-parser/stream"
import { authorized } from "./Login.ts"
import { Problem } from "./Problem.ts"
import type { Message, MessagePage, MonthlyUsage, Session, SessionPage, TurnEvent } from "./types.ts"

interface Ask {
  readonly body?: object
}

const ask = async (method: string, path: string, { body }: Ask = {}): Promise<Response> => {
  const response = await authorized((token) =>
    fetch(`/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" })
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    }).catch(() => {
      throw Problem.unreachable()
    })
  )
  if (!response.ok) throw await Problem.from(response)
  return response
}

const pageQuery = (limit: number, cursor: string | undefined) =>
  new URLSearchParams({ limit: String(limit), ...(cursor === undefined ? {} : { cursor }) })

export const listSessions = async (cursor?: string): Promise<SessionPage> =>
  (await ask("GET", `/chat/sessions?${pageQuery(50, cursor)}`)).json()

export const createSession = async (): Promise<Session> => (await ask("POST", "/chat/sessions", { body: {} })).json()

export const getSession = async (id: string): Promise<Session> => (await ask("GET", `/chat/sessions/${id}`)).json()

export const renameSession = async (id: string, name: string): Promise<Session> =>
  (await ask("PATCH", `/chat/sessions/${id}`, { body: { name } })).json()

export const deleteSession = async (id: string): Promise<void> => void (await ask("DELETE", `/chat/sessions/${id}`))

export const listMessages = async (id: string, cursor?: string): Promise<MessagePage> =>
  (await ask("GET", `/chat/sessions/${id}/messages?${pageQuery(100, cursor)}`)).json()

export const cancelTurn = async (id: string): Promise<void> => void (await ask("POST", `/chat/sessions/${id}/cancel`))

export const usage = async (): Promise<MonthlyUsage> => (await ask("GET", "/users/me/usage")).json()

export interface Question {
  readonly session_id: string
  readonly message_id: string
  readonly content: string
}

/** The events of one turn. When the connection is lost the turn goes on: the same `message_id` gets its answer. */
export async function* streamTurn(question: Question): AsyncGenerator<TurnEvent, void, void> {
  const { body } = await ask("POST", "/chat/stream", { body: { ...question, on_disconnect: "continue" } })
  if (body === null) return
  const reader = body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream()).getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(() => {
        throw Problem.unreachable()
      })
      if (done) return
      const event: TurnEvent = { event: value.event, ...JSON.parse(value.data) }
      yield event
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

/** A UUID of version 4, also where `randomUUID` is not there: on pages that came without TLS. */
export const newId = (): string => {
  const hex = [...crypto.getRandomValues(new Uint8Array(16))].map((byte, index) =>
    (index === 6 ? (byte & 0x0f) | 0x40 : index === 8 ? (byte & 0x3f) | 0x80 : byte).toString(16).padStart(2, "0")
  )
  return hex.join("").replace(/^(.{8})(.{4})(.{4})(.{4})/u, "$1-$2-$3-$4-")
}

export const userMessage = ({ content, message_id, session_id }: Question): Message => ({
  id: message_id,
  session_id,
  role: "user",
  content,
  timestamp: new Date().toISOString()
})
