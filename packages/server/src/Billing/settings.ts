import { Config, Schema } from "effect"
import * as Setting from "../Settings/Setting.ts"

export const settings = {
  stripeWebhookSecret: Setting.optional(
    "STRIPE_WEBHOOK_SECRET",
    Config.schema(
      Schema.RedactedFromValue(Schema.String.check(Schema.isPattern(/^whsec_\S+$/u))),
      "STRIPE_WEBHOOK_SECRET"
    ),
    "the signing secret of a Stripe webhook endpoint, which begins with whsec_"
  )
}
