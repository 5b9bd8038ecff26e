import { DateTime, Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { bodyErrors } from "./Errors.ts"
import { cursorOf, limit } from "./Paging.ts"
import { Timestamp, uuid } from "./Scalars.ts"
import { TrimmedText } from "./Text.ts"
import { Authorization } from "./Users.ts"

export const SessionId = uuid("0199c0de-0000-7000-8000-000000000002").pipe(Schema.brand("SessionId"))
export type SessionId = typeof SessionId.Type

export const MessageId = uuid("0199c0de-0000-7000-8000-000000000003").pipe(Schema.brand("MessageId"))
export type MessageId = typeof MessageId.Type

export const SessionName = TrimmedText({
  label: "Name",
  minimum: 1,
  maximum: 100,
  description: "What the session is called.",
  examples: ["Holiday plans"]
})

export const Session = Schema.Struct({
  session_id: SessionId,
  name: Schema.String.annotate({
    description: "Empty until the first turn names it, unless it was named",
    examples: ["Holiday plans"]
  }),
  created_at: Timestamp
}).annotate({ identifier: "Session" })
export type Session = typeof Session.Type

export const Message = Schema.Struct({
  id: MessageId,
  session_id: SessionId,
  role: Schema.Literals(["user", "assistant"]).annotate({ examples: ["assistant"] }),
  content: Schema.String.annotate({
    description: "Text as it was meant: escape it where it is shown",
    examples: ["It is noon in Lisbon."]
  }),
  timestamp: Timestamp
}).annotate({ identifier: "Message" })
export type Message = typeof Message.Type

/** A cursor comes back from anywhere. PostgreSQL's times end where JavaScript's do not. */
const storable = Schema.makeFilter((time: DateTime.Utc) => time.epochMilliseconds >= 0, {
  expected: "a time after 1970"
})

/** The sort key of a page's last item: where the next page begins. */
export const SessionCursor = cursorOf(Schema.Tuple([Timestamp.check(storable), SessionId]), [
  DateTime.makeUnsafe("2026-01-31T12:00:00.000Z"),
  SessionId.make("0199c0de-0000-7000-8000-000000000002")
])
export type SessionCursor = typeof SessionCursor.Type

/** Position in the transcript, a PostgreSQL `bigint`. */
export const MessageCursor = cursorOf(
  Schema.BigIntFromString.check(Schema.isBetweenBigInt({ minimum: 0n, maximum: 2n ** 63n - 1n })),
  20n
)
export type MessageCursor = typeof MessageCursor.Type

const page = <Item extends Schema.Top, Key extends Schema.Top>(identifier: string, item: Item, cursor: Key) =>
  Schema.Struct({
    items: Schema.Array(item),
    next_cursor: Schema.NullOr(cursor).annotate({ description: "Of the page after this one; null on the last" })
  }).annotate({ identifier })

export const SessionPage = page("SessionPage", Session, SessionCursor)
export type SessionPage = typeof SessionPage.Type

export const MessagePage = page("MessagePage", Message, MessageCursor)
export type MessagePage = typeof MessagePage.Type

/** Somebody else's session is not found either. */
export class SessionNotFound extends Schema.Error<SessionNotFound>("SessionNotFound")(
  { detail: Schema.tag("Session not found") },
  { httpApiStatus: 404, description: "No session of yours has this id." }
) {
  readonly _tag = "SessionNotFound" as const
}

const NewSession = Schema.Struct({ name: Schema.optionalKey(SessionName) }).annotate({ identifier: "NewSession" })

const params = { session_id: SessionId }
const path = "/chat/sessions/:session_id"

const annotated = (summary: string, description: string) => OpenApi.annotations({ summary, description })

export class SessionsGroup extends HttpApiGroup.make("sessions")
  .add(
    HttpApiEndpoint.post("create", "/chat/sessions", {
      payload: [NewSession, Schema.Undefined],
      success: Session.pipe(HttpApiSchema.status(201)),
      error: bodyErrors
    }).annotateMerge(annotated("Open a session", "A session without a name takes one from its first message.")),
    HttpApiEndpoint.get("list", "/chat/sessions", {
      query: { limit, cursor: Schema.optionalKey(SessionCursor) },
      success: SessionPage
    }).annotateMerge(annotated("List sessions", "Newest first.")),
    HttpApiEndpoint.get("get", path, { params, success: Session, error: SessionNotFound }).annotateMerge(
      annotated("Get a session", "One session of yours.")
    ),
    HttpApiEndpoint.patch("rename", path, {
      params,
      payload: Schema.Struct({ name: SessionName }).annotate({ identifier: "RenamedSession" }),
      success: Session,
      error: [SessionNotFound, ...bodyErrors]
    }).annotateMerge(annotated("Rename a session", "Sets the name.")),
    HttpApiEndpoint.delete("delete", path, {
      params,
      success: HttpApiSchema.NoContent,
      error: SessionNotFound
    }).annotateMerge(
      annotated("Delete a session", "With its messages and the agent's memory of it. A running turn ends in an error.")
    ),
    HttpApiEndpoint.get("messages", `${path}/messages`, {
      params,
      query: { limit, cursor: Schema.optionalKey(MessageCursor) },
      success: MessagePage,
      error: SessionNotFound
    }).annotateMerge(annotated("List messages", "Oldest first.")),
    HttpApiEndpoint.delete("clear", `${path}/messages`, {
      params,
      success: HttpApiSchema.NoContent,
      error: SessionNotFound
    }).annotateMerge(
      annotated(
        "Clear a session",
        "Deletes its messages and the agent's memory of them. A running turn ends in an error."
      )
    )
  )
  .middleware(Authorization)
  .annotateMerge(OpenApi.annotations({ title: "Sessions", description: "Conversations and what was said in them" })) {}
