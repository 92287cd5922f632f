#!/bin/sh
# An adapter that knows nothing of evallab or its SDK: it reads job.json, measures, posts events, exits.
# Measured: how many words of a list have a letter twice in a row. Needs sh, sed, grep, awk, date and curl.
set -eu

spec=${EVALHUB_JOB_SPEC_PATH:?"is not set: start this adapter from evallab or EvalHub"}
words=${WORDS:-$(dirname "$0")/words.txt}

# First value of a key of job.json. Enough for ids and URLs; a value with { } , or \ in it needs a JSON parser.
field() {
    tr '{},' '\n\n\n' <"$spec" | sed -n "s/^[[:space:]]*\"$1\"[[:space:]]*:[[:space:]]*\"\{0,1\}\([^\"]*[^\"[:space:]]\).*/\1/p" | head -n 1
}

job=$(field id)
benchmark=$(field benchmark_id)
url=$(field callback_url)
about="\"provider_id\":\"$(field provider_id)\",\"id\":\"$benchmark\",\"benchmark_index\":$(field benchmark_index)"

# The rest of a status event, as JSON. A POST that fails is tried again: results must not be lost to one of them.
post() {
    curl --silent --show-error --fail --max-time 10 --retry 5 --retry-connrefused --output /dev/null \
        --header 'Content-Type: application/json' --data "{\"benchmark_status_event\":{$about,$1}}" \
        "${url%/}/api/v1/evaluations/jobs/$job/events"
}

fail() {
    echo "$2" >&2
    post "\"status\":\"failed\",\"error_message\":{\"message\":\"$2\",\"message_code\":\"$1\",\"message_origin\":\"adapter\"}"
    exit 1
}

echo "benchmark $benchmark of job $job"
post '"status":"running","phase":"initializing"'
[ "$benchmark" = double_letters ] || fail unknown_benchmark "This adapter knows only the benchmark double_letters."

post '"status":"running","phase":"loading_data"'
[ -s "$words" ] || fail no_data "The word list is missing or empty."
total=$(grep -c . "$words")

post '"status":"running","phase":"running_evaluation"'
matches=$(grep -c '\(.\)\1' "$words") || matches=0
share=$(awk -v n="$matches" -v of="$total" 'BEGIN { printf "%.4f", n / of }')
echo "$matches of $total words"

post "\"status\":\"completed\",\"metrics\":{\"share\":$share,\"words\":$total},\"completed_at\":\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\""
