#!/usr/bin/env bash
# Installs what the npm scripts need, once, with one line per thing installed.
#
#   scripts/setup.sh packages    the npm packages; any machine, no root
#   scripts/setup.sh lab         these, and Debian's packages for the lab and its tests; Linux, root
#   scripts/setup.sh image       these, and what builds the image without a registry
#
# Installing a daemon's package starts no service here and enables none for the next boot.
set -euo pipefail
cd "$(dirname "$0")/.."

what=${1:-lab}
log=$(mktemp)
policy=/usr/sbin/policy-rc.d
policy_is_ours=no
cleanup() {
  rm -f "$log"
  if [ "$policy_is_ours" = yes ]; then rm -f "$policy"; fi
}
trap cleanup EXIT
trap 'exit 130' INT TERM

say() { echo "setup: $*" >&2; }
fail() {
  tail -n 20 "$log" >&2
  say "$*"
  exit 1
}

# npm is a script of the machine's own Node, which `npm ci` must not find in the folder it replaces.
machine_path() {
  local IFS=: kept="" entry
  for entry in $PATH; do
    case $entry in */node_modules/.bin) ;; *) kept="$kept${kept:+:}$entry" ;; esac
  done
  echo "$kept"
}

install_npm_packages() {
  local stamp=node_modules/.routelb-lock wanted
  wanted=$(cat package-lock.json package.json | sha256sum)
  if [ -f $stamp ] && [ "$(cat $stamp)" = "$wanted" ]; then return; fi
  PATH=$(machine_path) npm ci --no-audit --no-fund --loglevel=error >"$log" 2>&1 ||
    fail "npm ci failed"
  echo "$wanted" >$stamp
  say "npm packages installed ($(node_modules/.bin/node --version) for our own code)"
}

# What the lab needs: a file that proves it is there, and the Debian package that brings it.
debian_packages=(
  /usr/lib/frr/bgpd:frr
  /usr/sbin/bird:bird2
  /usr/sbin/nft:nftables
  /usr/sbin/ip:iproute2
  /usr/sbin/sysctl:procps
  /usr/bin/curl:curl
  /usr/sbin/iptables:iptables
  /usr/bin/openssl:openssl
  /usr/bin/tcpdump:tcpdump
  /usr/bin/gobgpd:gobgpd
  /usr/sbin/bgpctl:openbgpd
  /usr/sbin/exabgp:exabgp
  /usr/bin/promtool:prometheus
  /usr/bin/tshark:tshark
)

image_packages=(
  /usr/bin/buildah:buildah
  /usr/sbin/debootstrap:debootstrap
)

install_debian_packages() {
  local missing=() entry
  for entry in "$@"; do
    if ! [ -e "${entry%%:*}" ]; then
      missing+=("${entry##*:}")
    fi
  done
  if [ ${#missing[@]} -eq 0 ]; then return; fi
  command -v apt-get >/dev/null ||
    fail "this machine has no apt-get: install these with its own package manager: ${missing[*]}"
  if ! [ -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
    policy_is_ours=yes
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >"$log" 2>&1 || fail "apt-get update failed"
  local name
  for name in "${missing[@]}"; do
    apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "$name" >"$log" 2>&1 ||
      fail "Debian package $name could not be installed"
    say "Debian package installed: $name"
    keep_service_off "$name"
  done
}

# A package just installed by us has no service that anybody wanted: it stays off at boot too.
keep_service_off() {
  local service
  case $1 in
    frr | gobgpd | openbgpd | exabgp | prometheus) service=$1 ;;
    bird2) service=bird ;;
    *) return 0 ;;
  esac
  if command -v systemctl >/dev/null; then systemctl disable "$service" >/dev/null 2>&1 || true; fi
  update-rc.d "$service" disable >/dev/null 2>&1 || true
}

exec 9>"${TMPDIR:-/tmp}/routelb-setup-$(id -u).lock"
if command -v flock >/dev/null; then flock 9; fi

if [ "$what" != packages ]; then
  if [ "$(uname -s)" != Linux ]; then
    say "the lab and its tests need Linux (network namespaces); here, run: npm run test:unit"
    exit 1
  fi
  if [ "$(id -u)" != 0 ]; then
    say "the lab and its tests need root (network namespaces, FRR); run the same with sudo, or without root: npm run test:unit"
    exit 1
  fi
fi
install_npm_packages
if [ "$what" != packages ]; then install_debian_packages "${debian_packages[@]}"; fi
if [ "$what" = image ]; then install_debian_packages "${image_packages[@]}"; fi
