import { assert, describe, it } from "@effect/vitest"
import { Option } from "effect"
import * as redact from "./redact.ts"

const alertmanager = `
# slack_api_url: https://hooks.slack.com/services/T0/B0/PLANTED-1
global:
  smtp_auth_password: PLANTED-2
  smtp_auth_password_file: /secrets/smtp-password
  slack_api_url: https://hooks.slack.com/services/T0/B0/PLANTED-3
  pagerduty_url: https://events.pagerduty.com/v2/enqueue
  http_config:
    authorization: { type: Bearer, credentials: PLANTED-4 }
    basic_auth: { username: parley, password: PLANTED-5 }
    oauth2: { client_id: parley, client_secret: PLANTED-6, token_url: "https://id.example.org/PLANTED-7" }
    proxy_url: http://parley:PLANTED-8@proxy:3128
receivers:
  - name: all
    webhook_configs: [{ url: "https://hook.example.org/PLANTED-9", send_resolved: true }]
    pagerduty_configs: [{ routing_key: PLANTED-10, service_key: PLANTED-11 }]
    opsgenie_configs: [{ api_key: PLANTED-12 }]
    telegram_configs: [{ bot_token: "PLANTED-13", chat_id: 1 }]
    pushover_configs: [{ user_key: PLANTED-14, token: PLANTED-15 }]
    sns_configs: [{ sigv4: { access_key: PLANTED-16, secret_key: PLANTED-17 } }]
    email_configs: [{ to: ops@example.org, headers: { Subject: hello, Authorization: PLANTED-18 } }] # password: PLANTED-19
`

const prometheus = `
scrape_configs:
  - job_name: parley
    authorization: { type: Bearer, credentials: PLANTED-20, credentials_file: /etc/prometheus/metrics-token }
    params: { token: [PLANTED-21] }
    static_configs: [{ targets: ["127.0.0.1:8000"] }]
remote_write:
  - url: https://parley:PLANTED-22@metrics.example.org/write?api_key=PLANTED-23&tenant=parley
    headers: { Authorization: "Basic PLANTED-24" }
    tls_config: { key: PLANTED-25, key_file: /etc/prometheus/key.pem }
`

const grafana = `
datasources:
  - name: Prometheus
    url: http://prometheus:9090
    basicAuthPassword: PLANTED-26
    jsonData: { httpMethod: POST }
    secureJsonData: { httpHeaderValue1: PLANTED-27 }
`

const hidden = (text: string, kind: redact.Kind) => Option.getOrElse(redact.yaml(text, kind), () => "not YAML")

describe("secrets are taken out", () => {
  for (const [name, text, kind, stays] of [
    [
      "of Alertmanager",
      alertmanager,
      "alertmanager",
      ["pagerduty.com/v2/enqueue", "/secrets/smtp-password", "username: parley", "Subject: hello", "ops@example.org"]
    ],
    [
      "of Prometheus",
      prometheus,
      "other",
      ["127.0.0.1:8000", "/etc/prometheus/metrics-token", "key.pem", "tenant=parley"]
    ],
    ["of Grafana", grafana, "other", ["http://prometheus:9090", "httpMethod: POST"]]
  ] as const) {
    it(name, () => {
      const text_ = hidden(text, kind)
      assert.notInclude(text_, "PLANTED")
      for (const part of stays) assert.include(text_, part)
      // And is the same when it is done again: backups are compared.
      assert.strictEqual(hidden(text_, kind), text_)
    })
  }

  it("and nothing else: a file without any stays as it is, to the byte", () => {
    const text = `groups: [ {name: a,   rules: [{record: "b",expr: 'sum(c{token_type="x"})'}]} ]   # as it comes\n`
    assert.strictEqual(hidden(text, "other"), text)
  })

  it("and what is no YAML is not taken at all", () => {
    assert.isTrue(Option.isNone(redact.yaml("password: 'PLANTED", "other")))
  })

  it("wherever their values stand, in every form, the longer first", () => {
    const secret = `s3cret/"quoted"`
    const forms = [secret, encodeURIComponent(secret), JSON.stringify(secret), Buffer.from(secret).toString("base64")]
    const text = redact.values(forms.join(" "), ["s3cret/", secret])
    assert.strictEqual(text, '<secret> <secret> "<secret>" <secret>')
  })

  it("but not where they are a word that anybody uses", () => {
    assert.strictEqual(redact.values("none of the administrators", ["none", "admin", ""]), "none of the administrators")
  })
})
