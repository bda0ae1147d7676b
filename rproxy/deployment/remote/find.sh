# Hands the Pythons of this host to `rproxy_found`, the likeliest first; that replaces this shell by it, or looks
# at it and returns. Words: whether setup lines were run. No processes: only tests of files.
# The order: an activated environment; after setup lines, which may have put one there, the `python3` of PATH;
# python3.13 to python3.6, then python3, of PATH; usual places; conda's; pyenv's; shims; `python`.
set -f
IFS=:
rproxy_try() {
    [ -x "$1" ] && [ ! -d "$1" ] || return 0
    case $1 in
    */shims/*) rproxy_shim "${1%/shims/*}" "${1##*/}" "$1" ;;
    *) rproxy_found "$1" ;;
    esac
}
# A shim may stand for a version that is not chosen: the chosen one is named in a file.
rproxy_shim() {
    rproxy_shims=$rproxy_shims:$3
    rproxy_chosen=$PYENV_VERSION
    [ "$rproxy_chosen" ] || read -r rproxy_chosen 2>/dev/null <"$1/version"
    for rproxy_version in $rproxy_chosen; do rproxy_try "$1/versions/$rproxy_version/bin/$2"; done
}
rproxy_on_path() {
    for rproxy_folder in ${PATH:-/usr/local/bin:/usr/bin:/bin}; do rproxy_try "$rproxy_folder/$1"; done
}
[ "$HOME" ] && rproxy_home=$HOME || eval "rproxy_home=~$(id -un)"
[ "$VIRTUAL_ENV" ] && rproxy_try "$VIRTUAL_ENV/bin/python3"
[ "$CONDA_PREFIX" ] && rproxy_try "$CONDA_PREFIX/bin/python3"
[ "$rproxy_setup" ] && rproxy_on_path python3
for rproxy_minor in 13 12 11 10 9 8 7 6; do rproxy_on_path python3.$rproxy_minor; done
rproxy_on_path python3
for rproxy_place in /usr/bin/python3 /usr/local/bin/python3 /usr/libexec/platform-python; do rproxy_try $rproxy_place; done
for rproxy_place in "$rproxy_home" /opt; do
    for rproxy_conda in miniconda3 anaconda3 miniforge3 mambaforge conda; do
        rproxy_try "$rproxy_place/$rproxy_conda/bin/python3"
    done
done
set +f
for rproxy_minor in 13 12 11 10 9 8 7 6; do
    for rproxy_place in "${PYENV_ROOT:-$rproxy_home/.pyenv}"/versions/3.$rproxy_minor.*/bin/python3; do
        rproxy_try "$rproxy_place"
    done
done
set -f
for rproxy_place in $rproxy_shims; do [ "$rproxy_place" ] && rproxy_found "$rproxy_place"; done
rproxy_on_path python
rproxy_on_path python2
