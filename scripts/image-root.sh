#!/bin/sh
# Lays out the image's whole file system below $1: Node and the libraries that it and koffi's native
# file are linked with, the bundle, their licences, and the list of all of it (CycloneDX).
set -eu
root=$1
app=$root/app
mkdir -p "$app" "$root/usr/local/bin" "$root/etc" "$root/tmp"
chmod 1777 "$root/tmp"
echo 'routelb:x:65532:65532::/app:' >"$root/etc/passwd"
echo 'routelb:x:65532:' >"$root/etc/group"

cp "$(command -v node)" "$root/usr/local/bin/node"
cp -r dist/. "$app"
# For another C library than this image's.
rm -rf "$app"/node_modules/@koromix/koffi-*/musl_*
find "$app" -type f -exec chmod 0644 {} +

ldd "$root/usr/local/bin/node" "$app"/node_modules/@koromix/koffi-*/*/koffi.node |
  grep -o '/[^ ]*' | grep -v ':$' | sort -u >/tmp/libraries
while read -r library; do
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
done </tmp/libraries

# The packages that the libraries come from. Where /lib is a link, dpkg knows them without /usr.
packages=$(while read -r library; do
  file=$(readlink -f "$library")
  dpkg-query -S "$file" 2>/dev/null || dpkg-query -S "${file#/usr}"
done </tmp/libraries | cut -d: -f1 | sort -u)
for package in $packages; do
  mkdir -p "$root/usr/share/doc/$package"
  cp "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/"
done
dpkg-query -W -f '${Package} ${Version} ${Architecture}\n' $packages >/tmp/packages
npm sbom --sbom-format=cyclonedx --omit=dev | node scripts/image-sbom.ts /tmp/packages >"$app/sbom.cdx.json"
