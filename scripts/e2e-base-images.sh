#!/usr/bin/env bash
# Makes local stand-ins of the Dockerfile's base images from a program of Node and this machine's own npm, busybox
# and docker client, so that the real Dockerfile can be built and run without a registry of images:
#   scripts/e2e-base-images.sh NODE_TAG DOCKER_CLI_TAG NODE_PROGRAM
# The stand-ins hold no package manager of a distribution. Build on them with `--network=host`.
set -euo pipefail
node_tag=$1
docker_cli_tag=$2
node=$(readlink -f "$3")
for tool in npm busybox docker ldd tar; do
  command -v "$tool" >/dev/null || {
    echo "$tool is missing (Debian: apt-get install busybox-static docker.io)" >&2
    exit 1
  }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
docker=$(readlink -f "$(command -v docker)")
npm=$(npm root -g 2>/dev/null)/npm
certificates=/etc/ssl/certs/ca-certificates.crt

# Copies a program, and the libraries that it is linked to, to where it lies here.
with_libraries() {
  local root=$1 file
  for file in "$2" $(ldd "$2" 2>/dev/null | grep -oE '/[^ ]+' || true); do
    mkdir -p "$root$(dirname "$file")"
    cp -L "$file" "$root$file"
  done
}

import() {
  local root=$1 tag=$2
  shift 2
  tar -C "$root" -c . | docker import --change 'LABEL spreadpilot.stand-in=true' "$@" - "$tag" >/dev/null
  echo "made a local stand-in: $tag"
}

root=$work/node
mkdir -p "$root"/{bin,tmp,root,proc,sys,dev,etc/ssl/certs,usr/bin,usr/local/bin,home/node}
chmod 1777 "$root/tmp"
with_libraries "$root" "$node"
[ "$node" = /usr/local/bin/node ] || mv "$root$node" "$root/usr/local/bin/node"
# The docker client is copied into this image, and brings no libraries along.
with_libraries "$work/client" "$docker"
rm -f "$work/client$docker"
cp -r "$work/client/." "$root/"
mkdir -p "$root$(dirname "$npm")"
cp -r "$npm" "$root$(dirname "$npm")/"
for name in npm npx; do
  ln -s "$npm/bin/$name-cli.js" "$root/usr/local/bin/$name"
done
# How this machine reaches its registry.
settings=$(npm config get globalconfig 2>/dev/null)
[ -f "$settings" ] && mkdir -p "$root$(dirname "$settings")" && cp -L "$settings" "$root$settings"
[ -f "$certificates" ] && cp -L "$certificates" "$root$certificates"
with_libraries "$root" "$(readlink -f "$(command -v busybox)")"
cp -L "$(command -v busybox)" "$root/bin/busybox"
for applet in $(busybox --list); do
  [ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"
done
ln -sf /bin/env "$root/usr/bin/env"
printf 'root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\nnode:x:1000:\n' >"$root/etc/group"
chown -R 1000:1000 "$root/home/node" 2>/dev/null || true
extra=()
[ -f "$certificates" ] && extra=(--change "ENV NODE_EXTRA_CA_CERTS=$certificates")
import "$root" "$node_tag" --change 'ENV PATH=/usr/local/bin:/usr/bin:/bin' "${extra[@]}"

root=$work/docker-cli
mkdir -p "$root/usr/local/bin"
cp "$docker" "$root/usr/local/bin/docker"
import "$root" "$docker_cli_tag"
