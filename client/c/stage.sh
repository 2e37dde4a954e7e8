#!/usr/bin/env bash
# Puts the C interface where C programs find it: header, shared and static
# library, mycelium.pc.
#
# Usage: stage.sh mycelium.h mycelium.pc.in libmycelium_ffi.a libmycelium_ffi.so
#                 version.h PREFIX
set -euo pipefail
header="$1" pc="$2" archive="$3" shared="$4" version_header="$5" prefix="$6"
version="$(sed -n 's/.*kVersion\[\] = "\(.*\)".*/\1/p' "$version_header")"
soname="$(readelf -d "$shared" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')"

install -d "$prefix/include" "$prefix/lib/pkgconfig"
install -m 644 "$header" "$prefix/include/mycelium.h"
install -m 644 "$archive" "$prefix/lib/libmycelium_ffi.a"
install -m 755 "$shared" "$prefix/lib/libmycelium_ffi.so.$version"
ln -sf "libmycelium_ffi.so.$version" "$prefix/lib/$soname"
ln -sf "$soname" "$prefix/lib/libmycelium_ffi.so"
sed "s/@VERSION@/$version/" "$pc" >"$prefix/lib/pkgconfig/mycelium.pc"
