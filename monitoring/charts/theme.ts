/** What charts look like: on white, as in an e-mail. */
export const theme = {
  background: "#ffffff",
  page: "#f0f2f5",
  border: "#d8dce3",
  grid: "#e7eaef",
  text: "#1f2933",
  faint: "#66717e",
  font: "Open Sans",
  /** What is before that which a picture is about. */
  past: "#b9cdee",
  /** Told apart also by those who do not see red and green. */
  series: ["#3274d9", "#e0752d", "#3f9c51", "#a352cc", "#c4162a", "#0f9d9d", "#b8860b", "#7b61ff", "#5c6773", "#d6568b"]
} as const

/** Grafana's names, on white. */
const named: Readonly<Record<string, string>> = {
  green: "#2f8a44",
  yellow: "#c98a00",
  red: "#c4162a",
  blue: "#3274d9"
}
export const colorOf = (name: string): string => named[name] ?? name
