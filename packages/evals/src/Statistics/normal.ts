/** The normal distribution and Student's t, as precise as intervals need them. */
import { errorFunction, probit } from "simple-statistics"

/** P(Z <= z), to six decimals. */
export const normalCdf = (z: number): number => (1 + errorFunction(z / Math.SQRT2)) / 2

/** The z of which P(Z <= z) is p. `probit` alone is right to two decimals; two steps of Newton make it five. */
export const normalQuantile = (p: number): number => {
  if (p === 0.5) return 0
  let z = probit(p)
  for (let step = 0; step < 2; step += 1) {
    z -= ((normalCdf(z) - p) * Math.sqrt(2 * Math.PI)) / Math.exp((-z * z) / 2)
  }
  return z
}

/** Student's quantile for `degrees` >= 5 of freedom: Abramowitz and Stegun 26.7.5, right to 0.5 % there. */
export const studentQuantile = (p: number, degrees: number): number => {
  const z = normalQuantile(p)
  return (
    z +
    (z ** 3 + z) / (4 * degrees) +
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * degrees ** 2) +
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * degrees ** 3)
  )
}
