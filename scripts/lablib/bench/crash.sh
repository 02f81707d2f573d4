#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The crash kernel's first process where kdump is measured: no more than what brings the log and
# the dump to a sink.  Words on the command line, all of them given:
#   lab.drivers=A,B   the NIC's
#   lab.address=IP    the machine's, in a network of 256
#   lab.sink=IP:PORT  where to
#   lab.way=tcp|ssh   how; by ssh the sink is behind a server at lab.sink's address
#   lab.level=N       what makedumpfile leaves out
PATH=/bin:/sbin:/usr/bin
export PATH

word() { # NAME
    for w in $cmdline; do
        case $w in
        "$1="*) echo "${w#*=}" ;;
        esac
    done
}

# An address of our own, as a lease takes time.
network_up() {
    for driver in $(word lab.drivers | tr ',' ' '); do
        modprobe "$driver" || return
    done
    for _ in $(seq 1000); do
        [ -e /sys/class/net/eth0 ] && break
        usleep 10000
    done
    ip addr add "$(word lab.address)/24" dev eth0
    ip link set eth0 up
    for _ in $(seq 1000); do
        [ "$(cat /sys/class/net/eth0/carrier)" = 1 ] && return
        usleep 10000
    done
}

stream() {
    vmcore-dmesg /proc/vmcore
    printf '\0'
    makedumpfile -F -l -d "$(word lab.level)" --message-level 4 /proc/vmcore
}

send() {
    sink=$(word lab.sink)
    case $(word lab.way) in
    tcp) nc.openbsd -N "${sink%:*}" "${sink#*:}" ;; # busybox's reads 1 KiB at a time
    ssh) ssh -F none -i /id -o UserKnownHostsFile=/known_hosts -o BatchMode=yes \
        -W "127.0.0.1:${sink#*:}" "root@${sink%:*}" ;;
    esac
}

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /tmp
dmesg -n 1
cmdline=$(cat /proc/cmdline)
echo "kdump: running"
network_up
echo "kdump: network is up"
stream 2> /tmp/errors | send > /tmp/answer 2> /tmp/send.errors
echo "kdump: sink says $(cat /tmp/answer)"
cat /tmp/errors /tmp/send.errors
echo "kdump: free $(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo) KiB of memory"
echo "kdump: reboot"
reboot -f
