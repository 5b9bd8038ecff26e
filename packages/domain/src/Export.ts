/** Everything that is held about a person, for that person to take along. */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Usage } from "./Chat.ts"
import { Timestamp } from "./Scalars.ts"
import { Message, MessageId, Session, SessionId } from "./Sessions.ts"
import { Authorization, FamilyId, User } from "./Users.ts"

export const ExportedLogin = Schema.Struct({
  id: FamilyId,
  created_at: Timestamp,
  refreshed_at: Timestamp.annotateKey({ description: "When it last got a refresh token" }),
  expires_at: Timestamp.annotateKey({ description: "When its last refresh token expires" }),
  revoked_at: Schema.NullOr(Timestamp).annotateKey({ description: "When it was ended; null while it stands" })
}).annotate({ identifier: "ExportedLogin" })
export type ExportedLogin = typeof ExportedLogin.Type

export const ExportedSession = Schema.Struct({
  ...Session.fields,
  summary: Schema.NullOr(Schema.String).annotate({
    description:
      "What the agent remembers of the part that it is no longer shown word for word; null while it is shown all",
    examples: ["They plan a holiday in Lisbon."]
  }),
  messages: Schema.Array(Message).annotate({ description: "Oldest first" })
}).annotate({ identifier: "ExportedSession" })

export const ExportedUsage = Schema.Struct({
  ...Usage.fields,
  session_id: Schema.NullOr(SessionId),
  message_id: Schema.NullOr(MessageId).annotateKey({ description: "The answer; null when the call led to none" }),
  estimated: Schema.Boolean.annotate({ description: "Whether tokens had to be estimated", examples: [false] }),
  created_at: Timestamp
}).annotate({ identifier: "ExportedUsage", description: "One call of the model" })
export type ExportedUsage = typeof ExportedUsage.Type

export const Exported = Schema.Struct({
  exported_at: Timestamp,
  user: User,
  logins: Schema.Array(ExportedLogin).annotate({ description: "Those that have not long expired, oldest first" }),
  sessions: Schema.Array(ExportedSession).annotate({ description: "Newest first" }),
  usage: Schema.Array(ExportedUsage).annotate({ description: "Oldest first" })
}).annotate({
  identifier: "Exported",
  description: "Everything that is held about a person, but for the password's hash"
})

export class ExportGroup extends HttpApiGroup.make("export")
  .add(
    HttpApiEndpoint.get("download", "/users/me/export", { success: Exported }).annotateMerge(
      OpenApi.annotations({
        summary: "Take everything along",
        description:
          "All that is held about you, as one JSON document to be saved as a file. It is written while it is read, however " +
          "large it gets: a connection that ends before the document does means that something failed."
      })
    )
  )
  .middleware(Authorization)
  .annotateMerge(OpenApi.annotations({ title: "Export", description: "What is held about a person" })) {}
