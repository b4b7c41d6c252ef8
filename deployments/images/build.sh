#!/usr/bin/env bash
# Makes the images present, for a machine without an image registry: builds each one that is missing, or that was built here from other
# sources than today's, from Debian packages (see README.md here).
# usage: build.sh [NAME ...]     NAME: mysql, mariadb, prometheus, grafana-standin, ssh-host (default: all of these); older: what upgrades
#                                are rehearsed from, in tests
set -euo pipefail
# What goes into an image is read there by other users; Lifeboat, which may have started this, has a umask that forbids it.
umask 022
here=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$here/../.." && pwd)

declare -A tag=([mysql]=lifeboat/mysql:9.7 [mariadb]=lifeboat/mariadb:11.8 [prometheus]=lifeboat/prometheus:3.5 [grafana-standin]=lifeboat/grafana-standin:12.4 [ssh-host]=lifeboat/ssh-host:sid [older]=lifeboat/older:bookworm)
declare -A suite=([older]=bookworm)
work=

build_base() {
  local suite=$1 base=lifeboat/base:$1
  docker image inspect "$base" >/dev/null 2>&1 && return
  echo "images: building $base from Debian's packages"
  # The machine's own mirror, whatever it is: the site that serves its main archive.
  local mirror
  mirror=$(apt-get indextargets --format '$(SITE) $(LABEL) $(ORIGIN) $(CODENAME)' 'Created-By: Packages' | awk '$3 == "Debian" && $2 == "Debian" {print $1; exit}')
  [ -n "$mirror" ] || { echo "images: no Debian archive in this machine's apt sources; hint: add one, or pull the official images" >&2; exit 2; }
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mmdebstrap --quiet --variant=apt --mode=root \
    --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    "$suite" "$work/base.tar" "$mirror"
  docker import "$work/base.tar" "$base" >/dev/null
  rm -rf "$work"
}

# One word for everything that an image is built from.
sources() {
  local of=(deployments/images/"$1")
  [ "$1" != grafana-standin ] || of+=(deployments/grafana_standin/{__init__.py,schema.sql,schema-unified.sql,server} backups/{__init__.py,panels/__init__.py,panels/prometheus,panels/sql})
  (cd "$project" && find "${of[@]}" -type f -not -name '*.pyc' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-16)
}

build() {
  local name=$1 sources old
  [ -n "${tag[$name]:-}" ] || { echo "images: unknown image $name; hint: one of ${!tag[*]}" >&2; exit 2; }
  sources=$(sources "$name")
  old=$(docker image inspect --format '{{.Id}}' "${tag[$name]}" 2>/dev/null || true)
  if [ -n "$old" ]; then
    # Built from what is here, or by another hand: then it is not ours to replace.
    case $(docker image inspect --format '{{with .Config.Labels}}{{index . "lifeboat.sources"}}{{end}}' "$old") in "$sources" | "") return ;; esac
  fi
  build_base "${suite[$name]:-sid}"
  echo "images: building ${tag[$name]}"
  # The stand-in's program has a folder of its own; a build context may not reach outside its folder, so the folder is the project's.
  DOCKER_BUILDKIT=0 docker build --quiet --network host --file "$here/$name/Dockerfile" --tag "${tag[$name]}" \
    --label "lifeboat.sources=$sources" "$project" >/dev/null
  # What was replaced goes, unless it has another name or a container.
  if [ -n "$old" ] && [ -z "$(docker image inspect --format '{{join .RepoTags " "}}' "$old")" ]; then docker rmi "$old" >/dev/null 2>&1 || true; fi
}

[ $# -gt 0 ] || set -- mysql mariadb prometheus grafana-standin ssh-host
for name in "$@"; do build "$name"; done
