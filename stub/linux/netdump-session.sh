#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# netdump-session.sh - one session of /dev/netdump, and its report.  netdump-send, netdump-test and
# netdump-drivers source it from beside them.
#
# The device is open as 3 throughout, for a session is what one opening of it is.  Written: a line
# `log NAME`, `test [BYTES]` or `drivers`, and "take-nic" in it or not; then the content.  The first
# read waits for the session to be over: lines KEY VALUE, an empty one, then the answer, if any.
set -eu
DEVICE=${NETDUMP_DEVICE:-/dev/netdump}

program=${0##*/}

fail() {
    echo "$program: $*" >&2
    exit 1
}

usage_fail() {
    usage >&2
    exit 2
}

# "<>" would make a file of a device that is not there.
device_check() {
    [ -e "$DEVICE" ] || fail "there is no $DEVICE: netdump.ko is not loaded"
}

report_fail() { # WORDS
    state=failed status=null text=$*
    visits=0 pause_max_us=0 pause_total_us=0 sent_bytes=0 refused=0 steps='' last_us=0
    return 1
}

is_number() {
    case $1 in
    '' | *[!0-9]*) return 1 ;;
    esac
}

report_line() { # KEY VALUE; false: no such line should be
    case $1 in
    state | text) eval "$1=\$2" ;;
    status | visits | pause_max_us | pause_total_us | sent_bytes | refused)
        is_number "$2" && eval "$1=\$2"
        ;;
    step)
        last_us=${2#* }
        is_number "$last_us" && steps="$steps $2"
        ;;
    esac
}

# Byte by byte, as a shell reads: what follows the report is not touched.
report_read() {
    report_fail '' || :
    while read -r key value <&3; do
        [ -n "$key" ] || return 0
        report_line "$key" "$value" || {
            report_fail "$DEVICE: a report with the line '$key $value'"
            return
        }
    done
    report_fail "$DEVICE: its report ends too early"
}

# False: no session came about, and text says why not.  How it went is another question: is_done.
session() { # HEADER COMMAND...; 3: the device.  COMMAND writes the content.
    header=$1
    shift
    # cat says what a write failed of; a shell's own printf may not
    text=$({ printf '%s\n' "$header" | cat && "$@"; } 2>&1 >&3) || {
        report_fail "$text"
        return
    }
    report_read
}

is_done() {
    [ "$state" = "done" ] && [ "$status" = 0 ]
}

seconds() { # US
    printf '%d.%02d s' $(($1 / 1000000)) $(($1 % 1000000 / 10000))
}

milliseconds() { # US, rounded up
    printf '%d ms' $((($1 + 999) / 1000))
}

bytes() { # COUNT
    if [ "$1" -lt 1000 ]; then
        printf '%d bytes' "$1"
    elif [ "$1" -lt 1000000 ]; then
        printf '%d kB' $((($1 + 500) / 1000))
    else
        printf '%d.%d MB' $(($1 / 1000000)) $(($1 % 1000000 / 100000))
    fi
}

pauses() {
    times="$visits times"
    [ "$visits" != 1 ] || times=once
    printf 'the system was stopped %s, %s at most' "$times" "$(milliseconds "$pause_max_us")"
}

json_string() {
    printf '"%s"' "$(printf '%s' "$1" | tr '\001-\037' '?' | sed 's/[\\"]/\\&/g')"
}

# The members of an object.
report_json() {
    printf '"state": %s, "status": %s, "text": %s, ' \
        "$(json_string "$state")" "$status" "$(json_string "$text")"
    printf '"visits": %s, "pause_max_us": %s, "pause_total_us": %s, ' \
        "$visits" "$pause_max_us" "$pause_total_us"
    printf '"sent_bytes": %s, "refused": %s, "steps": {' "$sent_bytes" "$refused"
    # shellcheck disable=SC2086 # pairs of words
    set -- $steps
    while [ $# -gt 1 ]; do
        printf '%s: %s' "$(json_string "$1")" "$2"
        shift 2
        [ $# -lt 2 ] || printf ', '
    done
    printf '}'
}
