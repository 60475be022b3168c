#!/bin/bash
# Builds the stand-in for K3s's ServiceLB once (build-once.sh) and prints the folder that then holds
# `servicelb`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ../build-once.sh

build() {
  "$go" build -ldflags "-s -w" -o "$1/" .
}

build_once servicelb "the stand-in for K3s's ServiceLB" "2 minutes with an empty Go cache" \
  go.mod go.sum main.go cloud.go status.go build.sh
