#!/usr/bin/env bash
# Makes the .debs: puts files where they are installed, and lets Debian's tools
# (dpkg-dev) find out what they need and pack them.  The same files make the
# same bytes: times are those of the changelog.
#
# Usage: build.sh OUT METADATA version.h PACKAGE/PATH=FILE...
#   OUT        folder for the .debs
#   METADATA   folder of control, changelog, copyright, PACKAGE.{postinst,...}
set -euo pipefail
export LC_ALL=C.UTF-8
out="$(realpath "$1")" metadata="$(realpath "$2")" version_header="$3"
shift 3

version="$(sed -n 's/.*kVersion\[\] = "\(.*\)".*/\1/p' "$version_header")"
changed="$(dpkg-parsechangelog -l "$metadata/changelog" -S Version)"
if [ "$version" != "$changed" ]; then
  echo "changelog: version $changed, allowed $version, as in $version_header" >&2
  exit 1
fi
SOURCE_DATE_EPOCH="$(dpkg-parsechangelog -l "$metadata/changelog" -S Timestamp)"
export SOURCE_DATE_EPOCH
multiarch="$(dpkg-architecture -q DEB_HOST_MULTIARCH)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
mkdir "$work/debian"
cp -L "$metadata/control" "$metadata/changelog" "$work/debian"
mapfile -t packages < <(sed -n 's/^Package: //p' "$metadata/control")

# --- Files where they belong -------------------------------------------------

stage="$work/stage"
for part in "$@"; do
  path="${part%%=*}"
  install -D -m 644 "${part#*=}" "$stage/${path/\/LIB\///usr/lib/$multiarch/}"
done
find "$stage" -path '*/usr/bin/*' -type f -exec chmod 755 {} + \
  -exec strip --remove-section=.comment --remove-section=.note {} +

library="$stage/libmycelium-ffi0/usr/lib/$multiarch"
strip --strip-unneeded --remove-section=.comment "$library/libmycelium_ffi.so"
soname="$(objdump -p "$library/libmycelium_ffi.so" | awk '$1 == "SONAME" { print $2 }')"
mv "$library/libmycelium_ffi.so" "$library/libmycelium_ffi.so.$version"
ln -s "libmycelium_ffi.so.$version" "$library/$soname"
development="$stage/libmycelium-dev/usr/lib/$multiarch"
ln -s "$soname" "$development/libmycelium_ffi.so"
strip --strip-debug --enable-deterministic-archives "$development"/*.a
sed -i "s/@VERSION@/$version/
        s|^prefix=.*|prefix=/usr|
        s|{prefix}/lib|{prefix}/lib/$multiarch|" "$development"/pkgconfig/*.pc

modules="$stage/python3-mycelium/usr/lib/python3/dist-packages"
python3 -m zipfile -e "$modules"/*.whl "$modules"
rm "$modules"/*.whl "$modules"/*.dist-info/RECORD
echo debian >"$modules/$(basename "$modules"/*.dist-info)/INSTALLER"

# --- Each package ------------------------------------------------------------

make_package() {
  local package="$1" root="$stage/$1" kind file
  local documents="$root/usr/share/doc/$package"
  install -D -m 644 "$metadata/changelog" "$documents/changelog"
  install -m 644 "$metadata/copyright" "$documents/copyright"
  gzip -9n "$documents/changelog"
  if [ -d "$root/usr/share/man" ]; then
    find "$root/usr/share/man" -type f -exec gzip -9n {} +
  fi

  install -d "$root/DEBIAN"
  for kind in postinst prerm postrm; do
    file="$metadata/$package.$kind"
    [ ! -f "$file" ] || install -m 755 "$file" "$root/DEBIAN/$kind"
  done
  for kind in conffiles triggers; do
    file="$metadata/$package.$kind"
    [ ! -f "$file" ] || install -m 644 "$file" "$root/DEBIAN/$kind"
  done
  if [ -f "$metadata/$package.symbols" ]; then
    dpkg-gensymbols -q -c4 "-p$package" "-v$version" "-P$root" \
      "-I$metadata/$package.symbols"
    echo "libmycelium_ffi ${soname##*.} $package (>= $version)" >"$root/DEBIAN/shlibs"
  fi

  mapfile -t programs < <(find "$root/usr" -type f \( -path '*/usr/bin/*' -o -name '*.so.*' \))
  local substvars="$work/$package.substvars"
  : >"$substvars"
  [ "${#programs[@]}" -eq 0 ] || dpkg-shlibdeps "-T$substvars" "${programs[@]}"
  dpkg-gencontrol "-p$package" "-P$root" "-T$substvars" -f"$work/files"
  (cd "$root" && find . -type f ! -path './DEBIAN/*' ! -path './etc/*' -printf '%P\0' |
    sort -z | xargs -0 md5sum >DEBIAN/md5sums)
  chmod -R u=rwX,go=rX "$root"
  dpkg-deb --root-owner-group -Zxz --build "$root" "$out" >/dev/null
}

mkdir -p "$out"
cd "$work"
for package in "${packages[@]}"; do
  make_package "$package"
done
