/** Says where alerts will arrive, and how more channels come about. */
import type { Channel } from "./render.ts"

const wants = (directory: string): Readonly<Record<Channel, string>> => ({
  email: "ALERT_EMAIL_TO and ALERT_SMTP_SMARTHOST",
  slack: `${directory}/secrets/slack-webhook-url`,
  webhook: `${directory}/secrets/webhook-url`,
  pagerduty: `${directory}/secrets/pagerduty-routing-key`,
  heartbeat: `${directory}/secrets/heartbeat-url`
})

export const told = (channels: Readonly<Record<Channel, boolean>>, directory: string): string => {
  const lines = Object.entries(wants(directory)).map(([channel, wanted]) => {
    const isThere = Object.entries(channels).some(([name, isOn]) => name === channel && isOn)
    return `  ${channel.padEnd(10)} ${isThere ? "on" : `off: wants ${wanted}`}`
  })
  return ["Alerts arrive by:", ...lines].join("\n")
}
