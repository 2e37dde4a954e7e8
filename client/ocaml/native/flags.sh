#!/usr/bin/env bash
# Where the C library is, as pkg-config says, for dune.
set -euo pipefail
pkg-config --exists --print-errors mycelium || {
  echo "mycelium_native needs libmycelium_ffi (deploy/install.sh PREFIX) and" \
    "PKG_CONFIG_PATH=PREFIX/lib/pkgconfig" >&2
  exit 1
}
echo "($(pkg-config --cflags mycelium))" >c_flags.sexp
# Programs find the shared library where it was found now.
directory="$(realpath -m "$(pkg-config --variable=libdir mycelium)")"
echo "($(pkg-config --libs mycelium) -Wl,-rpath,$directory)" \
  >c_library_flags.sexp
