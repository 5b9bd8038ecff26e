/** What is asked and read in the comparison of streams, the same for all that take part. */

/** Of a busy server with a fast model. */
export const streams = { atOnce: 32, betweenTokensMillis: 10, tokensPerAnswer: 500 }

export const question = "Tell me a long story."
