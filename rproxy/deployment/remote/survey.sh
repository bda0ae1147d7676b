# Runs each Python that find.sh finds, for some seconds at most, and prints what it says.
rproxy_found() {
    case $rproxy_seen in
    *":$1:"*) return ;;
    esac
    rproxy_seen=$rproxy_seen:$1:
    printf '\n%s%s\n%s' "$rproxy_token" "$1" "$(rproxy_ask "$1" 2>&1 </dev/null)"
}
rproxy_ask() {
    "$1" -c "$rproxy_check" &
    rproxy_left=$rproxy_limit
    while [ "$rproxy_left" -gt 0 ] && kill -0 $! 2>/dev/null; do
        sleep 0.02 2>/dev/null || sleep 1
        rproxy_left=$((rproxy_left - 1))
    done
    if kill -9 $! 2>/dev/null; then
        wait $! 2>/dev/null
        echo "it does not answer"
    else
        wait $! || echo "exit code $?"
    fi
}
