#!/usr/bin/env bash
# Mycelium in a minute.
#
# Usage: deploy/quickstart.sh        builds, shows a conversation, cleans up
#        deploy/quickstart.sh serve  builds, serves until Ctrl-C
# Installs missing Debian packages first (asks for sudo only then).  Everything
# it starts ends with it, and nothing is left but the build.
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in
  "" | serve) ;;
  *)
    echo "usage: $0 [serve]" >&2
    exit 2
    ;;
esac

deploy/install_packages.sh build
echo "Building the release (the first time takes a minute or two) ..."
flags=(--config=release --noshow_progress --ui_event_filters=-info)
bazel build "${flags[@]}" //broker:mycelium-brokerd //client/cli:mycelium \
  //deploy/demo:all //client/python:wheels
bin="$(bazel info --config=release bazel-bin 2>/dev/null)"
brokerd="$bin/broker/mycelium-brokerd"
mycelium="$bin/client/cli/mycelium"
demo="$bin/deploy/demo"

if [ "${1:-}" = serve ]; then
  folder="${XDG_RUNTIME_DIR:-/tmp}/mycelium-quickstart-$(id -u)"
  mkdir -m 700 "$folder" 2>/dev/null || true
  [ -O "$folder" ] || {
    echo "$0: $folder belongs to somebody else" >&2
    exit 1
  }
  export MYCELIUM_URL="unix:$folder/brokerd.sock"
  cat <<EOT

Serving on $MYCELIUM_URL and tcp://127.0.0.1:6940 until Ctrl-C.
In two other terminals:

  export MYCELIUM_URL=$MYCELIUM_URL
  $mycelium sub all
  $mycelium pub 7 --topic greetings.en --data hello
  $mycelium pub chat.TextMessage --schema proto/mycelium_protocol.proto \\
    --json '{"content": "hello"}'

EOT
  "$brokerd" --listen "$MYCELIUM_URL,tcp://127.0.0.1:6940" &
  broker=$!
  # Ctrl-C reaches the broker by itself, and a second signal would cut its
  # farewell short; a signal to this script alone is passed on.
  trap : INT
  trap 'kill "$broker"' TERM
  status=0
  while kill -0 "$broker" 2>/dev/null; do
    status=0
    wait "$broker" || status=$?
  done
  rmdir "$folder"
  exit "$status"
fi

folder="$(mktemp -d /tmp/mycelium.XXXXXX)"
pids=()
clean_up() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# Waits until COMMAND succeeds, for ten seconds.
until_ok() {
  local tries=0
  until "$@"; do
    tries=$((tries + 1))
    if [ "$tries" -ge 200 ]; then
      echo "$0: gave up waiting for: $*" >&2
      cat "$folder/brokerd.log" >&2
      exit 1
    fi
    sleep 0.05
  done
}

unix_url="unix:$folder/brokerd.sock"
# Without it, programs on TCP may bring no message types of their own.
echo 'schema { open: true }' >"$folder/brokerd.textproto"
"$brokerd" --config "$folder/brokerd.textproto" \
  --listen "$unix_url,tcp://127.0.0.1:0" 2>"$folder/brokerd.log" &
pids+=($!)
until_ok grep -q ' serves$' "$folder/brokerd.log"
tcp_url="$(sed -n 's/.*listening on \(tcp:.*\)/\1/p' "$folder/brokerd.log")"
echo
echo "mycelium-brokerd serves $unix_url and $tcp_url"

subscribed() {
  [ "$("$mycelium" status --url "$unix_url" --format json |
    grep -o '"subscription_id"\|"filter"\|"topic_filter"' | wc -l)" -ge 1 ]
}

echo
echo "1. Programs exchange messages of proto/mycelium_protocol.proto through it."
echo "   One subscriber on the Unix socket, which brings the message types along:"
echo "     \$ mycelium sub chat.TextMessage --topic 'greetings.*' --schema proto/mycelium_protocol.proto"
"$mycelium" sub chat.TextMessage --topic 'greetings.*' --count 3 --quiet \
  --schema proto/mycelium_protocol.proto --url "$unix_url" >"$folder/received" &
subscriber=$!
pids+=("$subscriber")
until_ok subscribed
echo "   Two publishers, one of them over TCP; they ask the broker for the types:"
publish() {
  local url="$1" topic="$2" json="$3"
  echo "     \$ mycelium pub chat.TextMessage --topic $topic --json '$json' --url ${url%%:*}:..."
  "$mycelium" pub chat.TextMessage --topic "$topic" --json "$json" --url "$url"
}
publish "$unix_url" greetings.en '{"sender": "ada", "content": "hello"}'
publish "$tcp_url" greetings.de '{"sender": "ben", "content": "hallo"}'
publish "$tcp_url" weather.de '{"content": "not for this subscriber"}'
publish "$unix_url" greetings.fr '{"sender": "eve", "content": "bonjour"}'
wait "$subscriber"
echo "   The subscriber got:"
sed 's/^/     /' "$folder/received"

echo
echo "2. Programs in C++, Python and OCaml talk to each other (deploy/demo/talk.*):"
# As pip would install them.
for wheel in "$bin"/client/python/*.whl "$bin"/client/python/native/*.whl; do
  python3 -m zipfile -e "$wheel" "$folder/python"
done
export PYTHONPATH="$folder/python"
for url in "$unix_url" "$tcp_url"; do
  echo "   $url"
  : >"$folder/talk"
  "$demo/talk" "$url" cpp python ocaml >>"$folder/talk" &
  talking=($!)
  python3 deploy/demo/talk.py "$url" python ocaml cpp >>"$folder/talk" &
  talking+=($!)
  "$demo/talk_ocaml" "$url" ocaml cpp python >>"$folder/talk" &
  talking+=($!)
  pids+=("${talking[@]}")
  for pid in "${talking[@]}"; do wait "$pid"; done
  sed 's/^/     /' "$folder/talk"
done

echo
echo "3. Within one process, without a broker:"
echo "   two clients of a C++ program (deploy/demo/conversation.cc)"
"$demo/conversation" inproc: | sed 's/^/   /'
echo "   a C++ program and the Python in it (deploy/demo/one_process.cc)"
LD_LIBRARY_PATH="$folder/python/mycelium_native" "$demo/one_process" |
  sed 's/^/   /'

echo
echo "4. How fast is it here?"
for url in "$unix_url" "$tcp_url" inproc:; do
  echo "   $ mycelium bench --payload_bytes 64 --seconds 1 --url ${url%%:*}:..."
  "$mycelium" bench --payload_bytes 64 --seconds 1 --url "$url" |
    sed 's/^/     /'
done

cat <<EOT

That was all; nothing keeps running.  To play with it yourself:
  deploy/quickstart.sh serve
EOT
