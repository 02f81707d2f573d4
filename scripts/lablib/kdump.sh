#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The crash kernel's first process in the lab: says whether the crashed system's memory is there,
# and what netdump left to be read, then resets the machine.
PATH=/bin:/sbin
export PATH

LAST_WORDS_BYTES=128 # handoff.h, ND_REASON_BYTES: the end of the block

vmcore_look() {
    [ -e /proc/vmcore ] || {
        echo "kdump: no /proc/vmcore"
        return
    }
    magic=$(head -c 4 /proc/vmcore | od -An -tx1 | tr -d ' ')
    [ "$magic" = 7f454c46 ] || echo "kdump: vmcore begins with $magic"
    echo "kdump: vmcore $(stat -c %s /proc/vmcore) bytes"
    vmcore-dmesg /proc/vmcore > /tmp/log 2> /tmp/errors || cat /tmp/errors
    grep -q 'Kernel panic - not syncing: sysrq triggered crash' /tmp/log &&
        echo "kdump: panic text found"
}

last_words_print() {
    cmdline=$(cat /proc/cmdline)
    for word in $cmdline; do
        case $word in
        netdump=*) block=$((${word#*=})) ;;
        esac
    done
    [ "${block:-0}" -gt 0 ] || return
    bytes=$(($(devmem $((block + 18)) 16)))
    words=$(dd if=/dev/mem bs=1 skip=$((block + bytes - LAST_WORDS_BYTES)) \
        count=$LAST_WORDS_BYTES 2> /tmp/errors | tr -d '\0')
    echo "kdump: last words: $words"
}

mount -t proc proc /proc
mount -t devtmpfs dev /dev
mkdir -p /tmp
dmesg -n 1
echo "kdump: running, $(uname -r)"
vmcore_look
last_words_print
echo "kdump: reboot"
reboot -f
