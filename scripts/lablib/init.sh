#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The stock kernel's first process in the lab: uses the NIC as a system does,
# loads the crash image and crashes the machine.  Words on the command line:
#   lab.crash_cpu=N    crash on this CPU
#   lab.server=IP      whom to talk to (default: what DHCP says)
#   lab.file=NAME      what to fetch from it by TFTP
#   lab.iomem          print /proc/iomem between two marks
#   lab.kexec=0        do not load the crash image
#   lab.module         load netdump.ko
#   lab.drivers_args=A an argument for netdump-drivers
#   lab.driverless     fetch the NIC's driver through its firmware
#   lab.module_args=A  a parameter for it
#   lab.spoil          load it before with a handoff block that is damaged, or another version's
#   lab.reload=N       unload and load it again N times before
#   lab.visits=N       send the kernel's log N times, through netdump.ko, under load
#   lab.take_nic       for all that is sent take the NIC from its driver, and use it again then
#   lab.dry_run        a dry run
#   lab.oops           an oops that the system survives
#   lab.hang           firmware hangs while something is being sent
#   lab.unheard        the server goes while something is being sent, and comes back
#   lab.sending        crash while something is being sent
#   lab.busy           all other CPUs are busy when one crashes
#   lab.driver=0       leave the NIC alone
#   lab.trunk=N        the network is in this VLAN, and the NIC's port passes tagged frames only
#   lab.vlan=N         use this VLAN, too, with tags, which the NIC may have to put and take away
#   lab.fault=A,B      what the breaker breaks right before the crash
#   lab.kdump          load a crash kernel, not the crash image
#   lab.fill=PERCENT   of the memory that is free, with a file system's data
#   lab.buffers        have page cache with buffers, as file systems on a disk have
#   lab.kexec_args=A,B more arguments for kexec, commas for blanks
#   lab.crash=HOW      spin, spin-deaf: by tests/faults/spin on the last CPU; key: somebody else
#                      does it, by a key of Xen's; else by sysrq
#   lab.xen            Xen runs this system
#   lab.stop           do everything but the crash
#   lab.shell          a shell on the console instead of it
PATH=/bin:/sbin
export PATH

fail() {
    echo "init: failed: $*"
    sync
    poweroff -f
}

word() { # NAME DEFAULT: the value of NAME=VALUE on the command line
    value=$2
    for w in $cmdline; do
        case $w in
        "$1="*) value=${w#*=} ;;
        "$1") value=1 ;;
        esac
    done
    echo "$value"
}

driver_load() {
    for alias in /sys/bus/pci/devices/*/modalias; do
        modprobe -q -b "$(cat "$alias")" 2>/dev/null
    done
    # The virtio bus appears only once virtio_pci is there.
    for alias in /sys/bus/virtio/devices/*/modalias; do
        [ -e "$alias" ] && modprobe -q -b "$(cat "$alias")"
    done
    for _ in $(seq 600); do
        [ -e /sys/class/net/eth0/device/driver ] && return
        usleep 100000
    done
    fail "no NIC driver made eth0"
}

# What udhcpc calls with the lease in its environment.
lease_script() {
    cat > /tmp/lease <<'END'
#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr add "$ip/$mask" dev "$interface"
[ -n "$router" ] && ip route add default via "${router%% *}"
echo "server=${siaddr:-${serverid}}" > /tmp/lease.env
echo "init: lease $ip/$mask from ${serverid}" > /dev/console
END
    chmod +x /tmp/lease
}

vlan_up() { # NUMBER
    modprobe 8021q || fail "there are no VLANs"
    { ip link add link eth0 name "eth0.$1" type vlan id "$1" && ip link set "eth0.$1" up; } ||
        fail "no VLAN $1 on eth0"
}

nic_use() {
    driver=$(basename "$(readlink /sys/class/net/eth0/device/driver)")
    ip link set lo up
    ip link set eth0 up
    interface=eth0
    trunk=$(word lab.trunk 0)
    [ "$trunk" -gt 0 ] && vlan_up "$trunk" && interface=eth0.$trunk
    lease_script
    udhcpc -i "$interface" -n -q -t 20 -T 1 -s /tmp/lease > /tmp/udhcpc.log 2>&1 || {
        cat /tmp/udhcpc.log
        fail "no DHCP lease over $driver"
    }
    server=
    # shellcheck disable=SC1091 # written by the lease script
    . /tmp/lease.env
    server=$(word lab.server "$server")
    ping -c 3 -i 0.2 -W 5 "$server" > /tmp/ping.log || fail "$server does not answer over $driver"
    tftp -g -r "$(word lab.file pxelinux.0)" -l /tmp/file "$server" ||
        fail "fetching a file from $server over $driver"
    echo "init: nic $driver used"
}

vlan_use() { # NUMBER
    vlan_up "$1"
    ip addr add 192.0.2.2/24 dev "eth0.$1" || fail "no address in VLAN $1"
    ping -c 1 -W 1 192.0.2.1 > /tmp/vlan.log
    echo "init: vlan $1 used, $(cat "/sys/class/net/eth0.$1/statistics/tx_packets") frames sent"
}

# NICs besides the one that dumps: up, so that they receive whatever comes.
others_up() {
    for other in /sys/class/net/eth[1-9]; do
        [ -e "$other" ] || continue
        ip link set "${other##*/}" up
        echo "init: ${other##*/} receives"
    done
}

# What a dump takes along and nothing else does: the serial line has it in hexadecimal.  With
# its newline it has 64 bytes: none is cut by a page's end.
plant() {
    text=$(tr -dc A-Za-z0-9 < /dev/urandom | head -c 63)
    yes "$text" | head -n 512 > /tmp/planted
    echo "init: planted $(printf %s "$text" | od -An -v -tx1 | tr -d ' \n')"
}

# Pages that no compression makes smaller; the same ones again and again, as drawing costs time.
fill() { # PERCENT
    mkdir -p /fill
    mount -t tmpfs -o size=100% fill /fill
    mib=$(($(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo) * $1 / 100 / 1024))
    head -c 16777216 /dev/urandom > /tmp/random
    for i in $(seq $((mib / 16))); do
        cat /tmp/random > "/fill/$i" || fail "no room for what was to fill memory"
    done
    echo "init: $((mib / 16 * 16)) MiB filled"
}

# What a level tells apart from other page cache; it is there while the disk is open.
buffers_make() {
    modprobe brd rd_nr=1 || fail "there is no disk in memory"
    exec 3> /dev/ram0
    head -c 1048576 /proc/kallsyms >&3
}

iomem_print() {
    dmesg -n 1
    echo "init: iomem begin"
    cat /proc/iomem
    echo "init: iomem end"
    echo "init: cmdline $cmdline"
    dmesg -n 7
}

# What kexec needs to hand its image to Xen.
xen_reach() {
    { modprobe -a xen-privcmd xenfs && mount -t xenfs xenfs /proc/xen; } ||
        fail "Xen cannot be reached"
    echo "init: on Xen $(cat /sys/hypervisor/version/major).$(cat /sys/hypervisor/version/minor)"
}

crash_image_load() {
    [ -e /netdump-kexec.elf ] || fail "the initramfs has no crash image"
    words="netdump=$(word netdump 0)"
    # What netdump.c32 adds to the command line Xen has, and kexec leaves out this system's note.
    [ "$(word lab.xen 0)" = 1 ] &&
        words=$(awk '{ print "vmcoreinfo=0x" $2 "@" $1 }' /sys/kernel/vmcoreinfo)
    # shellcheck disable=SC2046 # a list of arguments
    kexec -p --args-linux $(word lab.kexec_args "" | tr ',' ' ') \
        --append="$words" /netdump-kexec.elf ||
        fail "kexec -p does not take the crash image"
    [ "$(word lab.xen 0)" = 1 ] || loaded=" ($(cat /sys/kernel/kexec_crash_loaded))" # else Xen knows
    echo "init: crash image loaded$loaded"
}

# What netdump.ko says of a handoff block with another bit.
spoil() { # WHAT OFFSET BITS
    at=$(($(word netdump 0) + $2))
    was=$(devmem "$at" "$3")
    devmem "$at" "$3" $((was ^ 1))
    insmod /netdump.ko || fail "netdump.ko does not load, the block's $1 being spoiled"
    sed "s/^/init: spoiled $1: /" /sys/kernel/netdump/armed
    rmmod netdump
    devmem "$at" "$3" "$was"
}

module_load() {
    [ -e /netdump.ko ] || fail "the initramfs has no netdump.ko"
    [ "$(word lab.spoil 0)" = 1 ] && spoil version 16 16 && spoil contents 24 32
    for _ in $(seq "$(word lab.reload 0)"); do
        { insmod /netdump.ko && rmmod netdump; } || fail "netdump.ko cannot be loaded again and again"
    done
    [ "$(cat /sys/module/kernel/parameters/crash_kexec_post_notifiers)" = N ] ||
        fail "netdump.ko did not put back what it found"
    # shellcheck disable=SC2046 # there may be none
    insmod /netdump.ko $(word lab.module_args "") || fail "the kernel does not take netdump.ko"
    sh /netdump-status > /tmp/status
    code=$?
    sed 's/^/init: status: /' /tmp/status
    echo "init: netdump-status ends with $code"
}

# What is sent through netdump.ko, and how that went, line by line.
send() { # LINE FILE
    exec 3<> /dev/netdump || fail "netdump.ko has no device"
    { echo "$1" && cat "$2"; } >&3 || fail "netdump.ko does not take: $1"
    cat <&3 > /tmp/report || fail "netdump.ko does not do: $1"
    exec 3>&-
    sed "s/^/init: $1: /" /tmp/report
}

# On each CPU something that computes, and something that sleeps and counts how often it woke up.
load_begin() {
    head -c 33554432 /dev/urandom > /tmp/kept
    sha256sum /tmp/kept > /tmp/kept.sum
    for cpu in $(seq 0 $(($(nproc) - 1))); do
        taskset -c "$cpu" sh -c 'while :; do sha256sum /tmp/planted; done' > /dev/null &
        taskset -c "$cpu" sh -c "while :; do usleep 20000; echo >> /run/woke.$cpu; done" &
    done
}

# A NIC without a driver is nobody's: it must not get to memory, which would be firmware's, and
# e1000e (its manual's RCTL.EN) must not receive, for a driver that turns it on in good faith.
nics_check() {
    for nic in /sys/bus/pci/devices/*; do
        [ "$(cat "$nic/class")" = 0x020000 ] || continue
        [ -e "$nic/driver" ] && continue
        command=$(od -An -tu2 -j4 -N2 "$nic/config")
        [ $((command & 2)) != 0 ] || fail "the NIC was not given back"
        [ $((command & 4)) = 0 ] || fail "the NIC was left to get to memory"
        [ "$(cat "$nic/device")" = 0x10d3 ] || continue
        read -r base _ < "$nic/resource"
        control=$(devmem $((base + 0x100)) 32) || fail "the NIC's registers cannot be read"
        [ $((control & 2)) = 0 ] || fail "the NIC was left receiving"
        echo "init: the NIC is quiet"
    done
}

# Each sleeper has to wake up again, and nothing may have been said of CPUs that hang.
load_check() {
    for cpu in $(seq 0 $(($(nproc) - 1))); do
        woke=$(wc -l < "/run/woke.$cpu")
        for _ in $(seq 600); do
            [ "$(wc -l < "/run/woke.$cpu")" -gt $((woke + 2)) ] && break
            usleep 100000
        done
        [ "$(wc -l < "/run/woke.$cpu")" -gt $((woke + 2)) ] || fail "cpu $cpu has lost its timer"
    done
    sha256sum -c /tmp/kept.sum > /dev/null || fail "memory was damaged"
    dmesg | grep -i -e lockup -e stall -e 'marking clocksource' -e 'nobody cared' -e 'BUG:' &&
        fail "the system has noticed"
    nics_check
    [ "$(cat /sys/kernel/netdump/seal)" = holds ] || fail "the seal is broken"
    echo "init: nothing was lost, on $(nproc) cpus"
}

# One that kills whoever loads it, and no more; netdump.ko sends the log of it a little later.
oops_make() {
    echo 0 > /proc/sys/kernel/panic_on_oops
    insmod /oops.ko
    for _ in $(seq 600); do
        dmesg | grep -q 'netdump: the log of an oops: sent' && break
        usleep 100000
    done
    dmesg | grep -q 'netdump: the log of an oops: sent' || fail "the log of an oops was not sent"
    echo 1 > /proc/sys/kernel/panic_on_oops
}

# Long enough for what is to end it to find it under way.
sending_begin() { # WHAT
    head -c 33554432 /dev/urandom > /tmp/long
    before=$(cat /sys/kernel/netdump/visits)
    (send "log long$take_nic" /tmp/long) &
    sending=$!
    until [ "$(cat /sys/kernel/netdump/visits)" -gt $((before + 100)) ]; do usleep 100000; done
    echo "init: sending, until $1"
}

# Meanwhile the lab makes it fail: that ends, and what comes after is as ever.
failure_outlive() { # WHAT
    load_begin
    sending_begin "$1"
    wait "$sending"
    nics_check
    echo "init: outlived: $1"
    read -r _ < /dev/console # when the lab has put right what is outside
    [ -n "$take_nic" ] && nic_use
    send "log after$take_nic" /tmp/planted
    load_check
    killall sh 2> /dev/null
}

visits_make() { # COUNT
    load_begin
    for i in $(seq "$1"); do
        dmesg > /tmp/log
        send "log dmesg.$i$take_nic" /tmp/log
        [ "$(head -n 1 /tmp/report)" = "state done" ] || fail "log $i was not sent"
    done
    load_check
    killall sh 2> /dev/null
}

others_busy() { # CPU that is not
    for other in $(seq 0 $(($(nproc) - 1))); do
        [ "$other" = "$1" ] && continue
        taskset -c "$other" sh -c ": > /run/busy.$other; while :; do :; done" &
        until [ -e "/run/busy.$other" ]; do usleep 10000; done
    done
}

# For good: nobody writes to it.
hold() {
    mkfifo /run/never
    read -r _ < /run/never
}

# Again and again: whoever leaves it finds a new one.
shell() {
    echo "init: a shell; what is typed here runs as root"
    while :; do sh -i < /dev/console > /dev/console 2>&1; done
}

# Comes back only if it cannot.
crash() { # CPU
    last=$(($(nproc) - 1))
    case $(word lab.crash sysrq) in
    spin) taskset -c "$1" insmod /spin.ko cpu="$last" ;;
    spin-deaf) taskset -c "$1" insmod /spin.ko cpu="$last" deaf=1 ;;
    key)
        echo "init: crash by a key"
        hold
        ;;
    *) taskset -c "$1" sh -c 'echo c > /proc/sysrq-trigger' ;;
    esac
}

# What was said is out: a crash would cut it off.  To set a terminal waits for that.
said() {
    stty -F /dev/console -echo
}

kdump_load() {
    [ -e /crash.vmlinuz ] || fail "the initramfs has no crash kernel"
    # shellcheck disable=SC2046 # a list of arguments
    kexec -p $(word lab.kexec_args "" | tr ',' ' ') --initrd=/crash.cpio.gz \
        --reuse-cmdline --append="$(cat /crash.words)" /crash.vmlinuz ||
        fail "kexec -p does not take the crash kernel"
    echo "init: crash kernel loaded ($(cat /sys/kernel/kexec_crash_loaded))"
}

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /run /tmp
cmdline=$(cat /proc/cmdline)
echo "init: running, $(uname -r)"
echo "init: cpu has $(grep -m 1 ^flags /proc/cpuinfo | grep -wo -e la57 -e pcid -e x2apic | tr '\n' ' ')"

[ "$(word lab.xen 0)" = 1 ] && xen_reach
if [ "$(word lab.driverless 0)" = 1 ]; then
    module_load
    # shellcheck disable=SC2046 # there may be none
    sh /netdump-drivers $(word lab.drivers_args "") || fail "no drivers were fetched"
    nic_use
elif [ "$(word lab.driver 1)" = 1 ]; then
    driver_load
    nic_use
    [ "$(word lab.vlan 0)" -gt 0 ] && vlan_use "$(word lab.vlan 0)"
    others_up
else
    echo "init: the NIC is left alone"
fi
plant
[ "$(word lab.fill 0)" -gt 0 ] && fill "$(word lab.fill 0)"
[ "$(word lab.buffers 0)" = 1 ] && buffers_make
if [ "$(word lab.kdump 0)" = 1 ]; then
    kdump_load
elif [ "$(word lab.kexec 1)" = 1 ]; then
    crash_image_load
fi
[ "$(word lab.module 0)" = 1 ] && [ ! -e /sys/kernel/netdump ] && module_load
take_nic=$(word lab.take_nic "" | sed 's/1/ take-nic/')
[ "$(word lab.dry_run 0)" = 1 ] && send test /dev/null
[ "$(word lab.visits 0)" -gt 0 ] && visits_make "$(word lab.visits 0)"
[ -n "$take_nic" ] && nic_use
[ "$(word lab.oops 0)" = 1 ] && oops_make
[ "$(word lab.iomem 0)" = 1 ] && iomem_print
echo 1 > /proc/sys/kernel/sysrq
[ "$(word lab.shell 0)" = 1 ] && shell
cpu=$(word lab.crash_cpu 0)
faults=$(word lab.fault "")
echo "init: crash on cpu $cpu"
[ "$(word lab.busy 0)" = 1 ] && others_busy "$cpu"
said
[ "$(word lab.sending 0)" = 1 ] && sending_begin crash
[ "$(word lab.hang 0)" = 1 ] && failure_outlive hang
[ "$(word lab.unheard 0)" = 1 ] && failure_outlive unheard
[ "$(word lab.stop 0)" = 1 ] && hold
[ -n "$faults" ] && breaker "$(word netdump 0)" "$faults" && said
crash "$cpu" || fail "cpu $cpu cannot be had"
