/** By whom the report is sent, and to whom. */
import { Config, Effect, Option, Redacted, Schema } from "effect"
import { encoded, isAddress, SettingWrong } from "../settings.ts"

/** Nobody's mail server has a space in its address; what is secret in it stays so. */
const SmtpUrl = Schema.RedactedFromValue(
  Schema.String.check(Schema.makeFilter((text: string) => text === "" || isAddress(text, /^smtps?:$/u)))
)

const expected = `the address of a mail server, like smtp://user:password@smtp.example.com:587, ${encoded}`

const addresses = (text: string) =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")

/** As Alertmanager's, unless the report has its own. */
const text = (name: string, alertName: string) =>
  Effect.map(
    Effect.orDie(
      Effect.all([Config.withDefault(Config.String(name), ""), Config.withDefault(Config.String(alertName), "")])
    ),
    ([own, shared]) => (own === "" ? shared : own)
  )

export interface MailSettings {
  readonly url: Redacted.Redacted
  readonly from: string
  readonly to: ReadonlyArray<string>
}

/** None without SMTP_URL: then no mail is sent. */
export const mailSettings = Effect.gen(function* () {
  const url = yield* Effect.mapError(
    Config.option(Config.schema(SmtpUrl, "SMTP_URL")),
    () => new SettingWrong({ name: "SMTP_URL", expected })
  )
  if (Option.isNone(url) || Redacted.value(url.value) === "") return Option.none<MailSettings>()
  const from = yield* text("REPORT_FROM", "ALERT_EMAIL_FROM")
  const to = addresses(yield* text("REPORT_TO", "ALERT_EMAIL_TO"))
  if (to.length === 0 || !to.every((one) => /^\S+@\S+$/u.test(one))) {
    return yield* new SettingWrong({
      name: "REPORT_TO",
      expected: "who gets the report: e-mail addresses, separated by commas. Without it ALERT_EMAIL_TO is taken"
    })
  }
  return Option.some<MailSettings>({ url: url.value, from: from === "" ? "parley@localhost" : from, to })
})
