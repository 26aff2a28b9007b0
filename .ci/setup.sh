# shellcheck shell=bash
# What ./run and ./check share.  Sourced, in the project's root.

# Runs apt-get, say.  The environment is set behind sudo, which would not let
# it through.
as_root() {
    local sudo=()
    ((EUID == 0)) || sudo=(sudo)
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive "$@"
}

# Installs those of the named packages that are missing.
install_missing() {
    local name state missing=()
    for name in "$@"; do
        state=$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>&1) || :
        [[ $state == installed ]] || missing+=("$name")
    done
    ((${#missing[@]})) || return 0
    echo "installing ${missing[*]}" >&2
    quietly as_root apt-get -q -y update
    quietly as_root apt-get -q -y --no-install-recommends install "${missing[@]}"
}

# Runs a command whose output only matters if it fails.
quietly() {
    local log status=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 </dev/null || status=$?
    ((status == 0)) || { echo "failed: $*"; cat "$log"; } >&2
    rm -f "$log"
    return "$status"
}
