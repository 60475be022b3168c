#!/usr/bin/env bash
# Prints the path of kubectl as Debian's package kubernetes-client has it, unpacked into a cache of
# the user's: nothing is installed on the machine. The first call fetches it with apt, and says so.
set -euo pipefail

cache=${XDG_CACHE_HOME:-${HOME:?is not set}/.cache}/routelb/debian-kubectl
kubectl=$cache/usr/bin/kubectl
if [ -x "$kubectl" ]; then
  echo "$kubectl"
  exit 0
fi

say() { echo "debian-kubectl: $*" >&2; }

mkdir -p "$(dirname "$cache")"
# Two that start together fetch once; the second finds what the first has made.
exec 9>"$cache.lock"
flock 9
if [ -x "$kubectl" ]; then
  echo "$kubectl"
  exit 0
fi

work=$(mktemp -d "$cache.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
# apt fetches as a user of its own, who must be able to write here.
chmod 755 "$work"
mkdir -m 777 "$work/fetched"

fetch() { (cd "$work/fetched" && apt-get download -qq kubernetes-client) >"$work/log" 2>&1; }
update() { [ "$(id -u)" = 0 ] && apt-get update -qq >"$work/log" 2>&1; }
if ! fetch && ! { update && fetch; }; then
  tail -n 20 "$work/log" >&2
  say "apt-get could not fetch the package kubernetes-client"
  exit 1
fi

dpkg -x "$work"/fetched/kubernetes-client_*.deb "$work/unpacked"
"$work/unpacked/usr/bin/kubectl" version --client >/dev/null
chmod 755 "$work/unpacked"
rm -rf "$cache"
# Moved as a whole and last: what the cache holds is complete.
mv "$work/unpacked" "$cache"
say "kubectl of Debian's kubernetes-client unpacked into $cache"
echo "$kubectl"
