/** Numbers as people read them, by Grafana's names of units. */

const locale = "en-US"
const format = (options: Intl.NumberFormatOptions) => {
  const formatter = new Intl.NumberFormat(locale, options)
  return (value: number) => formatter.format(value)
}

/** Small numbers are told by what is in them, large ones without what nobody asks for. */
const digitsOf = (value: number) =>
  value === 0 ? 0 : Math.max(0, Math.min(4, 2 - Math.floor(Math.log10(Math.abs(value)))))

/** Beyond it nobody counts digits. */
const countable = 1e15

const plain = (value: number, decimals: number | undefined, compact = true) => {
  if (Math.abs(value) >= countable) return value.toExponential(1)
  return Math.abs(value) >= 10_000 && compact
    ? format({ notation: "compact", maximumFractionDigits: 1 })(value)
    : format({
        minimumFractionDigits: decimals ?? 0,
        maximumFractionDigits: decimals ?? digitsOf(value)
      })(value)
}

const scaled = (steps: ReadonlyArray<readonly [from: number, divisor: number, unit: string]>) => (value: number) => {
  const size = Math.abs(value)
  const [, divisor, unit] = steps.findLast(([from]) => size >= from) ?? [0, 1, ""]
  return `${plain(value / divisor, undefined)} ${unit}`
}

const seconds = scaled([
  [0, 1e-6, "µs"],
  [0.001, 0.001, "ms"],
  [1, 1, "s"],
  [120, 60, "min"],
  [7200, 3600, "h"],
  [172_800, 86_400, "d"]
])
const bytes = scaled([
  [0, 1, "B"],
  [1024, 1024, "KiB"],
  [1024 ** 2, 1024 ** 2, "MiB"],
  [1024 ** 3, 1024 ** 3, "GiB"]
])

const suffixes: Readonly<Record<string, string>> = { reqps: "/s", ops: "/s", opm: "/min", x: "×" }

/** `1.2 s`, `€2.50`, `95 %`, `no data`. */
export const formatted = (value: number | undefined, unit: string, decimals?: number): string => {
  if (value === undefined || !Number.isFinite(value)) return "no data"
  if (unit === "s") return value === 0 ? "0 s" : seconds(value)
  if (unit === "bytes") return bytes(value)
  if (unit === "percentunit") return Number.isFinite(value * 100) ? `${plain(value * 100, decimals)} %` : "no data"
  if (unit === "currencyEUR") return `€${plain(value, decimals, decimals === undefined)}`
  const suffix = suffixes[unit]
  return suffix === undefined ? plain(value, decimals) : `${plain(value, decimals)} ${suffix}`
}
