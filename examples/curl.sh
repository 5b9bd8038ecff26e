#!/bin/sh
# Parley with nothing but curl: register, open a session, chat, chat as a stream, read the transcript, log out.
#   PARLEY_URL=http://localhost:8000 sh examples/curl.sh
set -eu
url=${PARLEY_URL:-http://localhost:8000}/api/v1
email="curl-$(date +%s)-$$@example.com"

# post PATH [BODY]: as JSON, with the token once there is one. --fail-with-body makes an error of a status of 400 or more.
post() {
  curl --silent --show-error --fail-with-body "$url$1" --json "${2:-{\}}" ${token:+--header "authorization: Bearer $token"}
}
# field NAME: the first text of that name in JSON. Where there is jq, use that.
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }

token=$(post /auth/register "{\"email\":\"$email\",\"password\":\"Correct-horse-7\"}" | field access_token)
session=$(post /chat/sessions '{"name":"From a shell"}' | field session_id)

echo "One answer:"
post /chat "{\"session_id\":\"$session\",\"content\":\"Hello\"}"
echo
echo "As a stream:"
post /chat/stream "{\"session_id\":\"$session\",\"content\":\"And again\"}"
echo "The transcript:"
curl --silent --show-error --fail-with-body "$url/chat/sessions/$session/messages" --header "authorization: Bearer $token"
echo
post /auth/logout
echo "Logged out."
