/**
 * The report as a mail program shows it: tables and styles in place, because that is what they all understand; dark on light;
 * at most 600 pixels wide, and on a phone what stands beside each other stands below each other. The few rules for phones are
 * no loss where they are taken out.
 */
import { measures, type Name } from "./measures.ts"
import { type Picture, size } from "./pictures.ts"
import { type Alert, headline, judged, type Line, type Report, shown, shownChange } from "./Report.ts"
import { changeTold, noChanges } from "./text.ts"

const escaped = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")

const color = {
  page: "#f0f2f5",
  card: "#ffffff",
  soft: "#f6f8fa",
  line: "#e1e5ea",
  text: "#1f2933",
  faint: "#5b6672",
  good: "#1e7537",
  bad: "#b3121f",
  warning: "#8a5a00",
  head: "#1d3557"
} as const

const font = "font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"

/** What a table is that is only there to hold things in their place. */
const layout = `role="presentation" cellpadding="0" cellspacing="0" border="0" width="100%"`

const change = (line: Line, isOver: boolean) => {
  const text = isOver ? shownChange(line) : ""
  const judgement = judged(line)
  const tone = judgement === undefined ? color.faint : color[judgement]
  return text === "" ? "" : `<span style="color:${tone};white-space:nowrap">${escaped(text)}</span>`
}

const noData = `<span style="color:${color.faint};font-weight:400">no data</span>`
const value = (name: Name, of: number | null) => (of === null ? noData : escaped(shown(name, of)))

/** The four that are looked at first. */
const tiles = ["arr", "users_active", "turns", "cost_per_user_month"] as const satisfies ReadonlyArray<Name>

const tile = (line: Line, isOver: boolean) => `
<div class="half" style="display:inline-block;width:50%;max-width:138px;vertical-align:top">
<div style="margin:4px;padding:12px 12px 10px;background:${color.soft};border:1px solid ${color.line};border-radius:6px;text-align:left">
<div style="font-size:12px;line-height:16px;height:32px;color:${color.faint}">${escaped(measures[line.name].title)}</div>
<div style="font-size:22px;line-height:28px;font-weight:600;color:${color.text}">${line.value === null ? `<span style="font-size:16px;font-weight:400;color:${color.faint}">no data</span>` : value(line.name, line.value)}</div>
<div style="font-size:13px;line-height:18px;min-height:18px">${change(line, isOver)}</div>
</div></div>`

const section = (title: string, body: string) => `
<tr><td class="side" style="padding:20px 24px 0">
<div style="font-size:15px;line-height:20px;font-weight:600;color:${color.text};padding-bottom:8px">${escaped(title)}</div>
${body}
</td></tr>`

const paragraph = (body: string) => `<div style="font-size:14px;line-height:21px;color:${color.text}">${body}</div>`

const row = (line: Line, isOver: boolean) => {
  const cell = `padding:7px 0 7px 8px;border-top:1px solid ${color.line};font-size:14px;line-height:19px`
  return `<tr>
<td style="${cell};padding-left:0;color:${color.text}">${escaped(measures[line.name].title)}</td>
<td align="right" style="${cell};font-weight:600;color:${color.text}">${value(line.name, line.value)}</td>
<td align="right" style="${cell};color:${color.faint}">${value(line.name, line.mean)}</td>
<td align="right" style="${cell}">${change(line, isOver)}</td>
</tr>`
}

const alertRow = ({ minutes, name, severity, times }: Alert) => {
  const tone = severity === "critical" ? color.bad : color.warning
  return `<tr>
<td style="padding:6px 0;font-size:14px;line-height:19px;color:${color.text}"><strong style="font-weight:600">${escaped(name)}</strong>
<span style="color:${tone};white-space:nowrap">${escaped(severity)}</span></td>
<td align="right" style="padding:6px 0 6px 8px;font-size:14px;line-height:19px;color:${color.text};white-space:nowrap">${times === 1 ? "once" : `${times} times`}, ${minutes} min</td>
</tr>`
}

const alertsTold = (alerts: Report["alerts"]) => {
  if (alerts === null) return paragraph(noData)
  if (alerts.length === 0) return paragraph(`<span style="color:${color.good}">None.</span>`)
  return `<table ${layout}>${alerts.map(alertRow).join("")}</table>`
}

const changesTold = (report: Report) => {
  const all = report.changes.flatMap((name) => report.lines.filter((line) => line.name === name))
  if (all.length === 0) {
    const told = noChanges(report)
    return paragraph(told === "no data" ? noData : escaped(told))
  }
  return all
    .map((line) => {
      const judgement = judged(line)
      const tone = judgement === undefined ? color.line : color[judgement]
      return `<div style="border-left:4px solid ${tone};padding:2px 0 2px 10px;margin-bottom:6px;font-size:14px;line-height:21px;color:${color.text}">${escaped(changeTold(line))}</div>`
    })
    .join("")
}

const picture = (one: Picture, address: (one: Picture) => string) => `
<div class="wide" style="display:inline-block;width:100%;max-width:${size.width}px;vertical-align:top">
<img src="${escaped(address(one))}" alt="${escaped(one.alt)}" width="${size.width}" style="display:block;width:100%;max-width:100%;height:auto;border:0;font-size:13px;color:${color.faint}">
</div>`

const missingTold = (missing: Report["missing"]) =>
  missing
    .map(({ reason, what }) =>
      paragraph(`<strong style="font-weight:600">${escaped(what)}</strong>: ${escaped(reason)}.`)
    )
    .join("")

/** `address` says where a picture is: in the mail, or in the folder of the archive. */
export const render = (
  report: Report,
  {
    address,
    pictures,
    weekday
  }: {
    readonly address: (one: Picture) => string
    readonly pictures: ReadonlyArray<Picture>
    readonly weekday: string
  }
): string => {
  const { isOver, lines, missing } = report
  const days = Math.max(...lines.map(({ days }) => days))
  const title = `Parley on ${weekday}`
  const head = `padding:0 0 6px 8px;font-size:12px;line-height:16px;font-weight:400;color:${color.faint}`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light">
<meta name="supported-color-schemes" content="light">
<title>${escaped(title)}</title>
<style>@media (max-width:480px){.side{padding-left:16px!important;padding-right:16px!important}.wide{max-width:100%!important}.half{max-width:50%!important}}</style>
</head>
<body style="margin:0;padding:0;background:${color.page};${font}">
<div style="display:none;max-height:0;overflow:hidden">${escaped(headline(report))}</div>
<table ${layout} style="background:${color.page}"><tr><td align="center" style="padding:16px 8px">
<table ${layout} style="max-width:600px;background:${color.card};border:1px solid ${color.line};border-radius:8px;word-break:break-word;${font}">
<tr><td class="side" style="padding:18px 24px;background:${color.head};border-radius:7px 7px 0 0">
<div style="font-size:20px;line-height:26px;font-weight:600;color:#ffffff">${escaped(title)}</div>
<div style="font-size:14px;line-height:20px;color:#d6e0ee">${escaped(headline(report))}${isOver ? "" : " (the day is not over)"}</div>
</td></tr>
<tr><td align="center" style="padding:14px 12px 0;font-size:0">${tiles
    .flatMap((name) => lines.filter((line) => line.name === name))
    .map((line) => tile(line, isOver))
    .join("")}</td></tr>
${section("Largest changes", changesTold(report))}
${section("Alerts fired", alertsTold(report.alerts))}
${pictures.length === 0 ? "" : `<tr><td align="center" style="padding:16px 12px 0;font-size:0">${pictures.map((one) => picture(one, address)).join("")}</td></tr>`}
${section(
  "Everything",
  `<table cellpadding="0" cellspacing="0" border="0" width="100%">
<tr><th align="left" style="${head};padding-left:0">&nbsp;</th><th align="right" style="${head}">The day</th>
<th align="right" style="${head}">${days === 0 ? "Before" : `Mean of ${days} day${days === 1 ? "" : "s"} before`}</th><th align="right" style="${head}">Change</th></tr>
${lines.map((line) => row(line, isOver)).join("\n")}
</table>`
)}
${missing.length === 0 ? "" : section("No data", missingTold(missing))}
<tr><td class="side" style="padding:20px 24px 20px;font-size:12px;line-height:18px;color:${color.faint}">
Days begin at midnight UTC. Users are active who had a turn. A change is coloured where it is a twentieth or more, and good or bad.
What fired is explained in monitoring/RUNBOOKS.md; make monitoring-costs says how to pay less.
</td></tr>
</table>
</td></tr></table>
</body>
</html>
`
}
