#!/bin/sh
# Deploys the endpoint that lies beside this script, by hand, on the host itself. Nothing but a POSIX shell is needed.
#
#   tar xzf rproxy-endpoint.tar.gz && sh rproxy-endpoint/deploy.sh [--shared] [FOLDER]
#
# FOLDER is ~/.rproxy if not given. With --shared it can be read by all users of the host, who name it by
# rproxy.connect(..., endpoint_dir="FOLDER"). Whoever looks sees all of the endpoint or nothing; doing it twice is fine.
set -eu

fail() {
    echo "deploy.sh: $*" >&2
    exit 1
}

# Whether an endpoint is there, with all that sessions else ask for.
whole() { has_all "$1" && has_all "$1/rproxy_endpoint/rest"; }

# Whether a folder holds every file of its list, in its size.
has_all() {
    [ -f "$1/contents" ] || return 1
    while read -r size path; do
        if [ "$size" = end ]; then return 0; fi
        [ -f "$1/$path" ] && [ "$(wc -c <"$1/$path")" -eq "$size" ] || return 1
    done <"$1/contents"
    return 1
}

shared=
if [ "${1-}" = --shared ]; then
    shared=yes
    shift
fi
[ $# -le 1 ] || fail "usage: sh deploy.sh [--shared] [FOLDER]"
target=${1:-${HOME:?names no folder; give one}/.rproxy}
beside=$(cd "$(dirname "$0")" && pwd)

set -- "$beside"/endpoint-*
[ $# -eq 1 ] && [ -d "$1" ] || fail "there must be one endpoint beside $0; unpack the archive again"
name=$(basename "$1")
whole "$1" || fail "$1 is not whole; unpack the archive again"

if [ "$shared" ]; then umask 022; else umask 077; fi
mkdir -p "$target" || fail "cannot make $target"
if whole "$target/$name"; then
    echo "the endpoint is in $target/$name already"
    exit 0
fi
fresh=$target/.new-$$
trap 'rm -rf "$fresh"' 0
mkdir "$fresh" && cp -R "$1" "$fresh/" || fail "cannot write to $target"
if [ "$shared" ]; then
    chmod -R a+rX "$fresh"
    # Other users cannot write the compiled modules that make starts fast.
    for python in python3.13 python3.12 python3.11 python3.10 python3.9 python3.8 python3.7 python3.6 python3; do
        if command -v "$python" >/dev/null; then "$python" -m compileall -q "$fresh" >/dev/null 2>&1 || true; fi
    done
fi
if [ -e "$target/$name" ]; then mv "$target/$name" "$fresh/broken"; fi
mv "$fresh/$name" "$target/$name" || fail "cannot put the endpoint into $target"
echo "the endpoint is in $target/$name"
