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

build_once() {
  local name=$1 title=$2 cost=$3 go cache=${XDG_CACHE_HOME:-$HOME/.cache}/routelb folder started
  shift 3
  folder=$cache/$name-$(cat "$@" "$once" | sha256sum | cut -c1-16)
  if ! [ -d "$folder" ]; then
    go=$("$(dirname "$once")/../../scripts/go.sh" "$(awk '$1 == "go" { print $2 }' go.mod)" "$title")
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
