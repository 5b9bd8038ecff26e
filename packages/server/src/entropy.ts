/** Randomness for ids, which most requests want a few of: the system is asked for many bytes at once. */
import { Layer } from "effect"
import { SecureRandom } from "effect/crypto"

/** Those of an id. What is a secret, and larger, is not taken from bytes that lay about. */
const idBytes = 16

const pooledIds = 256

const make = () => {
  const pool = new Uint8Array(pooledIds * idBytes)
  let next = pool.length
  return SecureRandom.make((size) => {
    if (size !== idBytes) return crypto.getRandomValues(new Uint8Array(size))
    if (next === pool.length) {
      crypto.getRandomValues(pool)
      next = 0
    }
    const bytes = pool.slice(next, next + idBytes)
    pool.fill(0, next, next + idBytes)
    next += idBytes
    return bytes
  })
}

/** In the place of the one that asks for each id. */
export const layer = Layer.sync(SecureRandom.SecureRandom, make)
