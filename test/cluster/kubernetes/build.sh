#!/bin/bash
# Builds the control plane of this folder's Go module once, into a cache outside the checkout, and
# prints the folder that then holds etcd, kube-apiserver, kube-controller-manager, kube-scheduler,
# kube-proxy and kubectl (one binary under six names). Progress goes to stderr.
#
# The cache is named by what goes into the build. Two builds at once wait for each other; a folder
# appears under its final name only when it is complete.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

inputs=$(cat go.mod go.sum main.go build.sh | sha256sum | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/routelb
folder=$cache/cluster-$inputs
if [ -e "$folder/kubectl" ]; then
  echo "$folder"
  exit
fi

wanted=$(awk '$1 == "go" { print $2 }' go.mod)
go=$(command -v go || command -v /usr/local/go/bin/go || true)
found=$([ -z "$go" ] || GOTOOLCHAIN=local "$go" env GOVERSION)
if [ -z "$found" ] || [ "$(printf '%s\n' "go$wanted" "$found" | sort -V | head -n 1)" != "go$wanted" ]; then
  echo "The real control plane is built from source with Go ${wanted%.0} or later, and this machine has ${found:-no Go}:" \
    "install it from go.dev/dl (Debian 12's own golang package is too old) and put its bin folder on PATH." >&2
  exit 1
fi

mkdir -p "$cache"
exec 9>"$folder.lock"
if ! flock --nonblock 9; then
  echo "Waiting for the build of the control plane that another process runs ..." >&2
  flock 9
fi
if [ -e "$folder/kubectl" ]; then
  echo "$folder"
  exit
fi

version=$(awk '$1 == "k8s.io/kubernetes" { print $2; exit }' go.mod)
IFS=. read -r major minor _ <<<"${version#v}"
stamp=k8s.io/component-base/version
echo "Building Kubernetes $version once (6 minutes with an empty Go cache, half a minute otherwise) ..." >&2
started=$SECONDS
partial=$folder.part
rm -rf "$partial"
mkdir "$partial"
# The lock's descriptor stays with this shell: a compiler that outlives it would hold the lock.
GOTOOLCHAIN=local GOFLAGS=-mod=readonly GOWORK=off CGO_ENABLED=0 nice -n 15 "$go" build -trimpath -buildvcs=false \
  -ldflags "-s -w -X $stamp.gitVersion=$version -X $stamp.gitMajor=$major -X $stamp.gitMinor=$minor -X $stamp.gitTreeState=clean" \
  -o "$partial/kubernetes" . >&2 9>&-
for name in etcd kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubectl; do
  ln -s kubernetes "$partial/$name"
done
rm -rf "$folder"
mv -T "$partial" "$folder"
echo "Built in $((SECONDS - started)) s: $folder" >&2
echo "$folder"
