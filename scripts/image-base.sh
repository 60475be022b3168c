#!/usr/bin/env bash
# Makes what stands in for the image docker.io/library/node:24-bookworm-slim where no registry can be
# reached: Debian's own packages and the Node that package-lock.json names, in a store of buildah's
# outside the checkout. Prints the store's folder; the first call takes a minute or two.
#
# The Dockerfile is built on it unchanged. What differs from the real one: no yarn, no user `node`, and
# this machine's certificate authorities and npm registry, so that `npm ci` works in the build.
set -euo pipefail
cd "$(dirname "$0")/.."

node=node_modules/node/bin/node
npm=$(dirname "$(dirname "$(readlink -f "$(PATH=${PATH//node_modules\/.bin/} command -v npm)")")")
registry=$(npm config get registry)
suite=bookworm
name=docker.io/library/node:24-$suite-slim
inputs=$({ sha256sum <scripts/image-base.sh && "$node" --version && echo "$registry"; } | sha256sum | cut -c1-16)
cache=${XDG_CACHE_HOME:-${HOME:?is not set}/.cache}/routelb
folder=$cache/image-$inputs

say() { echo "image-base: $*" >&2; }
mkdir -p "$cache"
exec 9>"$folder.lock"
flock 9
if [ -e "$folder/complete" ]; then
  echo "$folder"
  exit
fi

say "making $name once, from Debian's packages"
started=$SECONDS
work=$(mktemp -d "$cache/image-work.XXXXXX")
buildah() { command buildah --root "$folder/root" --runroot "$folder/run" "$@"; }
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT TERM
rm -rf --one-file-system "$folder"
mkdir -p "$folder"
mirror=$(apt-get indextargets --format '$(REPO_URI)' "Codename: $suite" | sort -u | head -n 1)
debootstrap --variant=minbase --include=ca-certificates "$suite" "$work/root" \
  ${mirror:+"$mirror"} >"$work/log" 2>&1 || {
  tail -n 20 "$work/log" >&2
  say "debootstrap failed"
  exit 1
}
install -D "$node" "$work/root/usr/local/bin/node"
mkdir -p "$work/root/usr/local/lib/node_modules" "$work/root/usr/local/etc"
cp -rL "$npm" "$work/root/usr/local/lib/node_modules/npm"
for command in npm npx; do
  ln -s "../lib/node_modules/npm/bin/$command-cli.js" "$work/root/usr/local/bin/$command"
done
echo "registry=$registry" >"$work/root/usr/local/etc/npmrc"
cp /etc/ssl/certs/ca-certificates.crt "$work/root/etc/ssl/certs/ca-certificates.crt"

container=$(buildah from scratch)
buildah copy --quiet "$container" "$work/root" / >&2
buildah config --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt --cmd node "$container"
buildah commit --quiet "$container" "$name" >&2
buildah rm "$container" >&2
touch "$folder/complete"
say "made in $((SECONDS - started)) s: $folder"
echo "$folder"
