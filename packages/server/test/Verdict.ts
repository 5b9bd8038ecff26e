/** What is wrong with a conversation when it is over: in the database, with its clients, and in what the model is shown. */
import { Effect, Schedule } from "effect"
import { SqlClient } from "effect/sql"
import type { Conversation } from "./Conversation.ts"
import { type Stored, violations } from "./History.ts"
import { isCondensed, shown, unanswered } from "./ScriptedModel.ts"
import { StubModel } from "./StubModel.ts"

const read = Effect.fnUntraced(function* (session_id: string) {
  const sql = yield* SqlClient.SqlClient
  const [session] = yield* sql<{ readonly isLeased: boolean }>`
    SELECT lease_token IS NOT NULL AS "isLeased" FROM sessions WHERE session_id = ${session_id}`
  const [memory] = yield* sql<{ readonly rows: number }>`SELECT (
    (SELECT count(*) FROM checkpoints WHERE thread_id = ${session_id}) +
    (SELECT count(*) FROM checkpoint_blobs WHERE thread_id = ${session_id}) +
    (SELECT count(*) FROM checkpoint_writes WHERE thread_id = ${session_id}))::integer AS rows`
  const stored: Stored = {
    isLeased: session?.isLeased,
    messages: yield* sql<Stored["messages"][number]>`
      SELECT id, role, content FROM messages WHERE session_id = ${session_id} ORDER BY position`,
    usage: yield* sql<Stored["usage"][number]>`
      SELECT message_id, input_tokens, estimated FROM usage WHERE session_id = ${session_id}`,
    remembered: memory?.rows ?? 0
  }
  return stored
})

/** The model was shown all that was said, or the end of it and a summary, and every tool it had asked had answered. */
const misremembered = Effect.fnUntraced(function* (content: string, { messages }: Stored) {
  const stub = yield* StubModel
  const request = (yield* stub.calls).findLast(({ request }) => shown(request).at(-1) === content)?.request
  const position = messages.findIndex((message) => message.content === content)
  if (request === undefined || position < 0) return []
  const said = shown(request)
  const before = messages.slice(0, position + 1).map((message) => message.content)
  const isTail = said.join("\n") === before.slice(-said.length).join("\n")
  return [
    ...(isTail && (said.length === before.length || isCondensed(request))
      ? []
      : [`the model was shown ${said.join(", ")}`]),
    ...unanswered(request).map((id) => `the model never heard of ${id}`)
  ]
})

/** Takes a last turn, waits until what still runs has ended, and tells what is wrong then. */
export const verdict = Effect.fnUntraced(function* (conversation: Conversation, mayFail = false) {
  const { conclude, history, person, plans } = conversation
  const content = yield* conclude
  return yield* read(person.session_id).pipe(
    Effect.flatMap((stored) =>
      Effect.map(misremembered(content, stored), (more) => [...violations(history, plans, stored, mayFail), ...more])
    ),
    Effect.orDie,
    Effect.repeat({ until: (all) => all.length === 0, schedule: Schedule.spaced(20), times: 150 })
  )
})
