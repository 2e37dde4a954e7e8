#!/usr/bin/env bash
# Builds the release and puts it where programs outside of this repository find
# it.
#
# Usage: deploy/install.sh PREFIX
#   PREFIX/bin                 mycelium-brokerd, mycelium, protoc-gen-mycelium
#   PREFIX/include             mycelium/options.proto, for protoc -I
#   PREFIX/include/mycelium    the C++ headers
#   PREFIX/include/mycelium.h  the C header
#   PREFIX/lib                 libmycelium_cpp.a; pkgconfig/mycelium_cpp.pc says how to use it;
#                              libmycelium_ffi.{a,so} for C, with pkgconfig/mycelium.pc
#   PREFIX/share/mycelium      the wheels for pip: mycelium, mycelium_native
#   PREFIX/lib/ocaml           the OCaml libraries mycelium, mycelium_native and, if Lwt is
#                              installed, mycelium-lwt
# Installs missing Debian packages first (asks for sudo only then).
set -euo pipefail
if [ "$#" -ne 1 ]; then
  echo "usage: $0 PREFIX" >&2
  exit 2
fi
prefix="$(realpath -m "$1")"
cd "$(dirname "$0")/.."

deploy/install_packages.sh build
echo "Building the release (the first time takes a minute or two) ..."
flags=(--config=release --noshow_progress --ui_event_filters=-info)
bazel build "${flags[@]}" //broker:mycelium-brokerd //client/cli:mycelium \
  //client/cpp:libmycelium_cpp.a //proto/plugin:protoc-gen-mycelium \
  //client/c:static/libmycelium_ffi.a //client/c:libmycelium_ffi.so \
  //client/python:wheels
bin="$(bazel info --config=release bazel-bin 2>/dev/null)"

install -d "$prefix/bin" "$prefix/lib/pkgconfig"
install -t "$prefix/bin" "$bin/broker/mycelium-brokerd" \
  "$bin/client/cli/mycelium" "$bin/proto/plugin/protoc-gen-mycelium"
install -m 644 -t "$prefix/lib" "$bin/client/cpp/libmycelium_cpp.a"

client/c/stage.sh client/c/mycelium.h client/c/mycelium.pc.in \
  "$bin/client/c/static/libmycelium_ffi.a" "$bin/client/c/libmycelium_ffi.so" \
  broker/version.h "$prefix"

install -D -m 644 -t "$prefix/share/mycelium" "$bin"/client/python/*.whl \
  "$bin"/client/python/native/*.whl

# What client/cpp/mycelium.h and generated code include.
headers="$prefix/include/mycelium"
for header in client/cpp/mycelium.h client/cpp/message_traits.h \
  client/core/client.h config/history_rules.h config/limits.h proto/frame.h; do
  install -D -m 644 "$header" "$headers/$header"
done
options="$bin/proto/mycelium/_virtual_imports/options_proto/mycelium"
install -m 644 -t "$headers" "$options/options.pb.h" proto/mycelium/options.proto

version="$(sed -n 's/.*kVersion\[\] = "\(.*\)".*/\1/p' broker/version.h)"
sed "s/@VERSION@/$version/" client/cpp/mycelium_cpp.pc.in \
  >"$prefix/lib/pkgconfig/mycelium_cpp.pc"

stage="$(mktemp -d)"
trap 'rm -rf "$stage"' EXIT
client/ocaml/stage.sh "$bin/proto/plugin/protoc-gen-mycelium" "$stage"
packages=(mycelium mycelium_native)
if ocamlfind query lwt.unix >/dev/null 2>&1; then
  packages+=(mycelium-lwt)
else
  echo "No Lwt here (Debian: liblwt-ocaml-dev): mycelium-lwt is left out."
fi
PKG_CONFIG_PATH="$prefix/lib/pkgconfig" dune build --root "$stage" \
  --no-print-directory --profile release \
  --only-packages "$(IFS=, && echo "${packages[*]}")" @install
dune install --root "$stage" --prefix "$prefix" \
  --libdir "$prefix/lib/ocaml" "${packages[@]}" 2>"$stage/log" || {
  cat "$stage/log" >&2
  exit 1
}
echo "Installed in $prefix"
