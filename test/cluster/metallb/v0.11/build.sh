#!/bin/bash
# Builds MetalLB v0.11.0 once (build-once.sh) and prints the folder that then holds its `controller`
# and `speaker`, and `metallb.yaml` with what they are deployed with.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ../../build-once.sh

module=go.universe.tf/metallb

build() {
  "$go" build -ldflags "-s -w" -o "$1/" $module/controller $module/speaker
  cp --no-preserve=mode "$("$go" list -m -f '{{.Dir}}' $module)/manifests/metallb.yaml" "$1/"
}

build_once metallb-v0.11 "MetalLB v0.11.0" "a minute with an empty Go cache" \
  go.mod go.sum no-kubernetes/go.mod build.sh
