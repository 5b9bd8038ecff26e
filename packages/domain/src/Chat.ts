import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { bodyErrors, InternalServerError, ServiceUnavailable, ValidationError } from "./Errors.ts"
import { BudgetExceeded, Limit } from "./Limits.ts"
import { Count } from "./Scalars.ts"
import { Message, MessageId, SessionId, SessionNotFound } from "./Sessions.ts"
import { TrimmedText } from "./Text.ts"
import { Authorization } from "./Users.ts"

export const ChatRequest = Schema.Struct({
  session_id: SessionId,
  content: TrimmedText({
    label: "Content",
    minimum: 1,
    maximum: 30_000,
    description: "What to say to the agent.",
    examples: ["What time is it?"]
  }),
  message_id: Schema.optionalKey(
    MessageId.pipe(
      Schema.annotateEncoded({
        description:
          "Made by the client: becomes the message's id and makes the request safe to repeat. " +
          "Repeated after success it returns the stored answer without asking the model again."
      })
    )
  ),
  on_disconnect: Schema.optionalKey(
    Schema.Literals(["cancel", "continue"]).annotate({
      message: "Must be cancel or continue",
      description: "Whether the client's departure cancels the turn (the default) or lets it finish and be stored"
    })
  )
}).annotate({
  identifier: "ChatRequest",
  // Without a message id: sent twice with other content from an API explorer, it would be refused.
  examples: [{ session_id: SessionId.make("0199c0de-0000-7000-8000-000000000002"), content: "What time is it?" }]
})
export type ChatRequest = typeof ChatRequest.Type

/** What one turn took. Tokens as the provider counts them. */
export const Usage = Schema.Struct({
  model: Schema.String.annotate({ examples: ["gpt-4o-mini"] }),
  input_tokens: Count.annotate({ examples: [42] }),
  output_tokens: Count.annotate({ examples: [12] }),
  cost_eur: Schema.Finite.annotate({
    description: "Euros, from the price table; 0 for a model without a price",
    examples: [0.000_012]
  })
}).annotate({ identifier: "Usage" })
export type Usage = typeof Usage.Type

export const ChatAnswer = Schema.Struct({ session_id: SessionId, message: Message, usage: Usage }).annotate({
  identifier: "ChatAnswer"
})
export type ChatAnswer = typeof ChatAnswer.Type

export class TurnInProgress extends Schema.Error<TurnInProgress>("TurnInProgress")(
  { detail: Schema.tag("A turn is already running in this session") },
  { httpApiStatus: 409, description: "One turn at a time per session. Try again after `Retry-After`." }
) {
  readonly _tag = "TurnInProgress" as const
  readonly retryAfterSeconds = 1
}

export class MessageIdReused extends Schema.Error<MessageIdReused>("MessageIdReused")(
  { detail: Schema.tag("This message_id was already used with other content") },
  { httpApiStatus: 409, description: "A `message_id` names one message for ever." }
) {
  readonly _tag = "MessageIdReused" as const
}

/** The turn ended without an answer: it was cancelled, or its session or messages were deleted meanwhile. */
export class TurnCancelled extends Schema.Error<TurnCancelled>("TurnCancelled")(
  { detail: Schema.tag("The turn was cancelled") },
  { httpApiStatus: 409, description: "The turn was cancelled, or what it belongs to was deleted while it ran." }
) {
  readonly _tag = "TurnCancelled" as const
}

export class NoTurnRunning extends Schema.Error<NoTurnRunning>("NoTurnRunning")(
  { detail: Schema.tag("No turn is running in this session") },
  { httpApiStatus: 409, description: "There is nothing to cancel." }
) {
  readonly _tag = "NoTurnRunning" as const
}

export class ModelFailed extends Schema.Error<ModelFailed>("ModelFailed")(
  {
    detail: Schema.Literals([
      "The model failed to answer",
      "The model refused the request",
      "The model's answer was blocked by its content filter",
      "The conversation does not fit the model's context",
      "The agent took too many steps"
    ])
  },
  { httpApiStatus: 502, description: "The model failed for good, after the attempts that make sense." }
) {
  readonly _tag = "ModelFailed" as const
}

export class ModelTimeout extends Schema.Error<ModelTimeout>("ModelTimeout")(
  { detail: Schema.tag("The model did not answer in time") },
  { httpApiStatus: 504, description: "The model took longer than the total time-out of a turn." }
) {
  readonly _tag = "ModelTimeout" as const
}

export class ModelUnavailable extends Schema.Error<ModelUnavailable>("ModelUnavailable")(
  { detail: Schema.tag("The model is unavailable") },
  {
    httpApiStatus: 503,
    description: "The model's provider is overloaded, unreachable or out of quota. Try again after `Retry-After`."
  }
) {
  readonly _tag = "ModelUnavailable" as const
  readonly retryAfterSeconds: number = 30
  static after(retryAfterSeconds: number): ModelUnavailable {
    return Object.assign(new ModelUnavailable({}), { retryAfterSeconds })
  }
}

/** Everything a turn can fail with, in JSON and before the first event of a stream. */
export const turnErrors = [
  SessionNotFound,
  TurnInProgress,
  MessageIdReused,
  TurnCancelled,
  ModelFailed,
  ModelTimeout,
  ModelUnavailable,
  BudgetExceeded,
  // What the model could not be shown is too long, which only the server knows.
  ValidationError
] as const
export type TurnError = (typeof turnErrors)[number]["Type"]

/** The HTTP status of an error, for where it is told in another way: the `error` event of a stream. */
export const statusOf = (error: TurnError | InternalServerError | ServiceUnavailable): number =>
  statuses.get(error._tag) ?? 500

const statuses = new Map<string, number>(
  [...turnErrors, InternalServerError, ServiceUnavailable].map((schema) => [
    schema.identifier,
    Schema.resolveAnnotations(schema)?.httpApiStatus ?? 500
  ])
)

const eventId = Schema.String.annotate({ description: "Increasing integer", examples: ["1"] })
/** Its data has a name of its own, by which generated clients know it. */
const event = <const Name extends string, Data extends Schema.Struct.Fields>(
  name: Name,
  identifier: string,
  data: Data
) =>
  Schema.Struct({
    id: eventId,
    event: Schema.tag(name),
    // A union of one: by itself a schema with a name would stand in the document in the place of the text that holds it.
    data: Schema.fromJsonString(Schema.Union([Schema.Struct(data).annotate({ identifier })]))
  })

/** Server-sent events of a streamed turn, in this order: `token` and `tool` as they come, then one `done` or `error`. */
export const ChatEvent = Schema.Union([
  event("token", "ChatToken", { content: Schema.String.annotate({ examples: ["It is "] }) }),
  event("tool", "ChatTool", {
    name: Schema.String.annotate({ examples: ["current_time"] }),
    status: Schema.Literals(["started", "finished", "failed"])
  }),
  event("done", "ChatDone", { message: Message, usage: Usage }),
  event("error", "ChatFailure", {
    detail: Schema.String.annotate({ examples: ["The model did not answer in time"] }),
    status: Count.annotate({ description: "The HTTP status it would have been", examples: [504] })
  })
]).annotate({ identifier: "ChatEvent" })
export type ChatEvent = typeof ChatEvent.Type

export class ChatGroup extends HttpApiGroup.make("chat")
  .add(
    HttpApiEndpoint.post("send", "/chat", {
      payload: ChatRequest,
      success: ChatAnswer,
      error: [...turnErrors, ...bodyErrors]
    })
      .annotate(Limit, "chat")
      .annotateMerge(
        OpenApi.annotations({
          summary: "Chat",
          description: "One turn: says something to the agent and waits for its whole answer."
        })
      ),
    HttpApiEndpoint.post("stream", "/chat/stream", {
      payload: ChatRequest,
      success: HttpApiSchema.StreamSse({ events: ChatEvent }),
      error: [...turnErrors, ...bodyErrors]
    })
      .annotate(Limit, "chat-stream")
      .annotateMerge(
        OpenApi.annotations({
          summary: "Chat, streamed",
          description:
            "One turn as server-sent events. `token` events carry the answer's text as it arrives; joined they are the " +
            "final content. `tool` events tell what the agent's tools do. The last event is `done`, after the answer was " +
            "stored, or `error` with the status the turn would have had. Errors before the first event are ordinary " +
            "HTTP errors. Comment lines keep the connection open."
        })
      ),
    HttpApiEndpoint.post("cancel", "/chat/sessions/:session_id/cancel", {
      params: { session_id: SessionId },
      success: HttpApiSchema.Accepted,
      error: [SessionNotFound, NoTurnRunning]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Cancel the running turn",
        description: "The turn ends with an error and leaves no message behind. The tokens used so far are accounted."
      })
    )
  )
  .middleware(Authorization)
  .annotateMerge(OpenApi.annotations({ title: "Chat", description: "Talking to the agent" })) {}
