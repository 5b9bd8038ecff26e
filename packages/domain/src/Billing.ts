/** What the payment provider tells: payments and subscriptions, as signed events. */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { bodyErrors } from "./Errors.ts"
import { Limit } from "./Limits.ts"

/** Before the signature is checked nothing of it is read; then what Parley needs, and Stripe may add to it. */
export const StripeEvent = Schema.StructWithRest(
  Schema.Struct({
    id: Schema.String.annotate({ description: "The same when the event is sent again" }),
    type: Schema.String,
    created: Schema.Finite.annotate({ description: "Seconds since 1970" }),
    data: Schema.Record(Schema.String, Schema.Unknown).annotate({
      description: "Its `object` is what the event is about"
    })
  }),
  [Schema.Record(Schema.String, Schema.Unknown)]
).annotate({
  identifier: "StripeEvent",
  description: "An event as Stripe sends it",
  examples: [
    {
      id: "evt_1",
      type: "charge.succeeded",
      created: 1_796_000_000,
      data: {
        object: {
          id: "ch_1",
          amount: 1900,
          amount_captured: 1900,
          captured: true,
          currency: "eur",
          refunded: false,
          status: "succeeded"
        }
      }
    }
  ]
})

export const webhookOutcomes = ["applied", "repeated", "outdated", "ignored"] as const

export const WebhookReceipt = Schema.Struct({
  outcome: Schema.Literals(webhookOutcomes).annotate({
    description:
      "`applied`; `repeated`: it was known already; `outdated`: as much or more was known; `ignored`: of no interest here"
  })
}).annotate({ identifier: "WebhookReceipt" })
export type WebhookReceipt = typeof WebhookReceipt.Type

/** Which of the rules a signature broke is not told: only whoever signs needs to know, and they know. */
export class InvalidSignature extends Schema.Error<InvalidSignature>("InvalidSignature")(
  { detail: Schema.Literals(["Missing signature", "Invalid or expired signature"]) },
  {
    httpApiStatus: 400,
    description: "The header `Stripe-Signature` is missing, is not for exactly this body, or is older than 5 minutes."
  }
) {
  readonly _tag = "InvalidSignature" as const
}

export class WebhookOff extends Schema.Error<WebhookOff>("WebhookOff")(
  { detail: Schema.tag("Not found") },
  { httpApiStatus: 404, description: "The server has no secret to check signatures with." }
) {
  readonly _tag = "WebhookOff" as const
}

export class BillingGroup extends HttpApiGroup.make("billing")
  .add(
    HttpApiEndpoint.post("stripe", "/webhooks/stripe", {
      headers: Schema.Struct({
        "stripe-signature": Schema.optionalKey(
          Schema.String.annotate({
            description: "Time and HMAC-SHA256 of the body as it is sent. Without it the request is refused",
            examples: ["t=1796000000,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd"]
          })
        )
      }),
      payload: StripeEvent,
      success: WebhookReceipt,
      error: [WebhookOff, InvalidSignature, ...bodyErrors]
    })
      .annotate(Limit, "webhook")
      .annotateMerge(
        OpenApi.annotations({
          summary: "Receive a Stripe event",
          description:
            "For Stripe alone: the body must be signed with the secret of the webhook endpoint. Charges and subscriptions " +
            "are taken note of, once each, in whatever order they come; other events are acknowledged and ignored."
        })
      )
  )
  .annotateMerge(OpenApi.annotations({ title: "Billing", description: "Events of payments and subscriptions" })) {}
