# For the build.sh of a Go module here: builds it once, into a cache outside the checkout.
#
#   source ../build-once.sh
#   build() { ... "$go" ... "$1" ... }       fills the folder $1; runs in the folder of that build.sh
#   build_once NAME TITLE COST FILE...       prints the folder that then holds what was built
#
# FILEs, and this one, are what goes into the build: they name the folder. Two builds at once wait
# for each other, and a folder appears under its final name only when it is complete. Progress goes
# to stderr. `$go` is a Go that is new enough; toolchain and module versions are the go.mod's.
once=$(realpath "${BASH_SOURCE[0]}")

find_go() {
  local wanted found
  wanted=$(awk '$1 == "go" { print $2 }' go.mod)
  go=$(command -v go || command -v /usr/local/go/bin/go || true)
  found=$([ -z "$go" ] || GOTOOLCHAIN=local "$go" env GOVERSION)
  if [ -z "$found" ] || [ "$(printf '%s\n' "go$wanted" "$found" | sort -V | head -n 1)" != "go$wanted" ]; then
    echo "$1 is built from source with Go ${wanted%.0} or later, and this machine has ${found:-no Go}:" \
      "install it from go.dev/dl (Debian 12's own golang package is too old) and put its bin folder on PATH." >&2
    exit 1
  fi
}

build_once() {
  local name=$1 title=$2 cost=$3 cache=${XDG_CACHE_HOME:-$HOME/.cache}/routelb folder started
  shift 3
  folder=$cache/$name-$(cat "$@" "$once" | sha256sum | cut -c1-16)
  if ! [ -d "$folder" ]; then
    find_go "$title"
    mkdir -p "$cache"
    exec 9>"$folder.lock"
    if ! flock --nonblock 9; then
      echo "Waiting for the build of $title that another process runs ..." >&2
      flock 9
    fi
  fi
  if ! [ -d "$folder" ]; then
    echo "Building $title once ($cost) ..." >&2
    started=$SECONDS
    rm -rf "$folder.part"
    mkdir "$folder.part"
    export GOTOOLCHAIN=local GOFLAGS="-mod=readonly -trimpath -buildvcs=false" GOWORK=off CGO_ENABLED=0
    # The lock's descriptor stays here: a compiler that outlives this shell would hold the lock.
    (renice -n 15 $BASHPID >/dev/null && build "$folder.part") >&2 9>&-
    mv -T "$folder.part" "$folder"
    echo "Built in $((SECONDS - started)) s: $folder" >&2
  fi
  echo "$folder"
}
