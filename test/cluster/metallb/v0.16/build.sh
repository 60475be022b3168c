#!/bin/bash
# Builds MetalLB v0.16.2 once (build-once.sh) and prints the folder that then holds its `controller`
# and `speaker`, and `metallb-native.yaml` with its custom resources and what they are deployed with.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ../../build-once.sh

module=go.universe.tf/metallb
frr=github.com/metallb/frr-k8s

# frr-k8s v0.0.26 with the field and the type that MetalLB's frr-k8s mode wants of v0.0.27.
complete_frr() {
  "$go" mod download $frr
  cp -r --no-preserve=mode "$("$go" list -m -f '{{.Dir}}' $frr)" "$1"
  cp as-path-prepend.go "$1/api/v1beta1/"
  sed -i '/^type Advertise struct {$/a PrefixesWithAsPathPrepend []AsPathPrependPrefixes' \
    "$1/api/v1beta1/frrconfiguration_types.go"
}

build() {
  local work=$1/work
  mkdir "$work"
  complete_frr "$work/frr-k8s"
  cp go.mod go.sum "$work/"
  "$go" mod edit -replace "$frr=$work/frr-k8s" "$work/go.mod"
  "$go" build -modfile "$work/go.mod" -ldflags "-s -w" -o "$1/" $module/controller $module/speaker
  cp --no-preserve=mode "$("$go" list -m -f '{{.Dir}}' $module)/config/manifests/metallb-native.yaml" "$1/"
  rm -r "$work"
}

build_once metallb-v0.16 "MetalLB v0.16.2" "2 minutes with an empty Go cache" \
  go.mod go.sum as-path-prepend.go build.sh
