/** The files of Prometheus and Alertmanager for one machine: its addresses, its secrets, and only the channels it has. */
import { Option, Redacted } from "effect"
import { type Document, isMap, isSeq, parseDocument } from "yaml"
import type { Secrets, Settings } from "./settings.ts"

/** Where things are, as the servers see them, which is not as this process does when they are in containers. */
export interface Places {
  readonly parley: ReadonlyArray<string>
  readonly prometheus: string
  readonly alertmanager: string
  /** Whether there are exporters for PostgreSQL and Redis. */
  readonly hasExporters: boolean
  readonly rules: string
  readonly prometheusFiles: string
  readonly alertmanagerFiles: string
}

/** The position of what has this name in a list of the document. */
const named = (document: Document, list: string, key: string, name: string): number => {
  const sequence = document.get(list)
  const index = isSeq(sequence) ? sequence.items.findIndex((item) => isMap(item) && item.get(key) === name) : -1
  if (index === -1) throw new Error(`There is no ${name} among the ${list}`)
  return index
}

export const prometheus = (yaml: string, places: Places): string => {
  const document = parseDocument(yaml)
  const job = (name: string) => ["scrape_configs", named(document, "scrape_configs", "job_name", name)]
  const targets = (name: string, targets: ReadonlyArray<string>) =>
    document.setIn([...job(name), "static_configs"], document.createNode([{ targets }]))
  document.set("rule_files", document.createNode([`${places.rules}/*.yml`]))
  document.setIn(
    ["alerting", "alertmanagers"],
    document.createNode([{ static_configs: [{ targets: [places.alertmanager] }] }])
  )
  targets("parley", places.parley)
  document.setIn([...job("parley"), "authorization", "credentials_file"], `${places.prometheusFiles}/metrics-token`)
  targets("prometheus", [places.prometheus])
  targets("alertmanager", [places.alertmanager])
  if (!places.hasExporters) for (const name of ["postgres", "redis"]) document.deleteIn(job(name))
  return document.toString()
}

export type Channel = "email" | "slack" | "webhook" | "pagerduty" | "heartbeat"

/** What each channel waits for. */
export const channels = (settings: Settings, secrets: Secrets): Readonly<Record<Channel, boolean>> => ({
  email: Option.isSome(settings.emailTo),
  slack: secrets["slack-webhook-url"] !== undefined,
  webhook: secrets["webhook-url"] !== undefined,
  pagerduty: secrets["pagerduty-routing-key"] !== undefined,
  heartbeat: secrets["heartbeat-url"] !== undefined
})

/** A receiver of a channel that there is not stays, and tells nobody: so the routes are the same everywhere. */
export const alertmanager = (yaml: string, places: Places, settings: Settings, secrets: Secrets): string => {
  const document = parseDocument(yaml)
  const files = `${places.alertmanagerFiles}/secrets`
  const has = channels(settings, secrets)
  const receiver = (name: Channel) => ["receivers", named(document, "receivers", "name", name)]
  const set = (channel: Channel, kind: string, values: Readonly<Record<string, string>>) => {
    for (const [key, value] of Object.entries(values)) {
      document.setIn([...receiver(channel), `${kind}_configs`, 0, key], value)
    }
    if (!has[channel]) document.deleteIn([...receiver(channel), `${kind}_configs`])
  }

  document.set("templates", document.createNode([`${places.alertmanagerFiles}/templates/*.tmpl`]))
  document.setIn(["global", "smtp_smarthost"], settings.smarthost)
  document.setIn(["global", "smtp_from"], settings.emailFrom)
  document.setIn(["global", "smtp_require_tls"], settings.requiresTls)
  if (Option.isSome(settings.smtpUsername)) {
    document.setIn(["global", "smtp_auth_username"], settings.smtpUsername.value)
    document.setIn(["global", "smtp_auth_password_file"], `${files}/smtp-password`)
  } else {
    document.deleteIn(["global", "smtp_auth_username"])
    document.deleteIn(["global", "smtp_auth_password_file"])
  }
  set("email", "email", { to: Option.getOrElse(settings.emailTo, () => "") })

  document.setIn(["global", "slack_api_url_file"], `${files}/slack-webhook-url`)
  if (!has.slack) document.deleteIn(["global", "slack_api_url_file"])
  set("slack", "slack", { channel: settings.slackChannel })

  document.setIn(["global", "pagerduty_url"], settings.pagerdutyUrl)
  set("pagerduty", "pagerduty", { routing_key_file: `${files}/pagerduty-routing-key` })

  // Alertmanager 0.25 cannot read the address of a webhook from a file; so this file has it, which is as secret as they are.
  const address = (name: "webhook-url" | "heartbeat-url") => {
    const secret = secrets[name]
    return secret === undefined ? "" : Redacted.value(secret)
  }
  set("webhook", "webhook", { url: address("webhook-url") })
  set("heartbeat", "webhook", { url: address("heartbeat-url") })
  return document.toString()
}
