/** What is asked and read in the comparison of streams, the same for all that take part. */
export const answersAtOnce = 4
export const tokensPerAnswer = 500
/** A fast model; also each token travels in a packet of its own, as with a real one. */
export const betweenTokensMillis = 2
export const question = "Tell me a long story."
