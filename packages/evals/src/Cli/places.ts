/** Where the package keeps what it ships, seen from where the command runs. */
import { relative } from "node:path"
import { fileURLToPath } from "node:url"

const place = (name: string): string =>
  relative(process.cwd(), fileURLToPath(new URL(`../../${name}`, import.meta.url))) || "."

export const datasets = place("datasets")
export const prompts = place("metrics/prompts")
export const reports = place("reports")
