#!/usr/bin/env bash
# Installs the Debian packages of packages.txt that are missing.
#
# Usage: deploy/install_packages.sh build|test
#   build  what `bazel build //...` needs
#   test   that and what tests/run.sh adds
# Asks for sudo only if something is missing and you are not root.
set -euo pipefail
list="$(dirname "$0")/packages.txt"
case "${1:-}" in
  build) wanted='^build' ;;
  test) wanted='^(build|test)' ;;
  *)
    echo "usage: $0 build|test" >&2
    exit 2
    ;;
esac
mapfile -t packages < <(awk -v wanted="$wanted" '$1 ~ wanted { print $2 }' "$list")

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
    missing+=("$package")
done
[ "${#missing[@]}" -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
  echo "$0: no apt-get here; install the equivalents of: ${missing[*]}" >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  echo "Missing Debian packages: ${missing[*]}" >&2
  as_root=(sudo)
fi
apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q \
    -o DPkg::Lock::Timeout=120 "$@"
}
apt update
apt install -y --no-install-recommends "${missing[@]}"
