/** How a backup differs from what there is now. */
import type { Kept } from "./sources.ts"

export const differences = (backup: ReadonlyMap<string, string>, now: Kept, about: string): ReadonlyArray<string> => {
  const names = new Set([...backup.keys(), ...now.files.keys()])
  names.delete(about)
  return [
    ...now.missing.map((one) => `not compared: ${one}`),
    ...[...names].toSorted().flatMap((name) => {
      const [then, today] = [backup.get(name), now.files.get(name)]
      if (then === today) return []
      if (then === undefined) return [`${name} is not in the backup`]
      if (today !== undefined) return [`${name} has changed since`]
      return now.missing.some((one) => one.startsWith(`${name}: `)) ? [] : [`${name} is not there any more`]
    })
  ]
}
