#!/bin/bash
# Builds the control plane of this folder's Go module once (build-once.sh) and prints the folder that
# then holds etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kube-proxy and kubectl:
# one binary under six names.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ../build-once.sh

version=$(awk '$1 == "k8s.io/kubernetes" { print $2; exit }' go.mod)

build() {
  local major minor stamp=k8s.io/component-base/version name
  IFS=. read -r major minor _ <<<"${version#v}"
  "$go" build -o "$1/kubernetes" -ldflags \
    "-s -w -X $stamp.gitVersion=$version -X $stamp.gitMajor=$major -X $stamp.gitMinor=$minor -X $stamp.gitTreeState=clean" .
  for name in etcd kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubectl; do
    ln -s kubernetes "$1/$name"
  done
}

build_once cluster "Kubernetes $version" "6 minutes with an empty Go cache, half a minute otherwise" \
  go.mod go.sum main.go build.sh
