#!/bin/busybox sh
# The test guest's init: makes the machine look like a small Linux host with cgroup v2, runs the one command that the
# host sends, reports its exit code and stops the machine. Nothing is ever written to the root disk.
export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TMPDIR=/tmp LANG=C.UTF-8
# Compiling is slow under emulation: a second process that loads the same modules takes half the time with this.
export NODE_COMPILE_CACHE=/run/node-compile-cache

for folder in /tmp /run /var /root; do mount -t tmpfs tmpfs $folder; done
chmod 1777 /tmp
mkdir -p /var/lib /var/log /var/tmp /dev/pts /dev/shm /run/lock
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm

mount -t cgroup2 cgroup2 /sys/fs/cgroup
echo '+cpu +cpuset +memory +io +pids' >/sys/fs/cgroup/cgroup.subtree_control

for disk in /sys/block/vd*; do
  case $(cat "$disk/serial") in
    sources) mount -t ext4 -o ro "/dev/${disk##*/}" /reeve && mount --bind /usr/lib/node_modules /reeve/node_modules ;;
    scratch) mount -t ext4 "/dev/${disk##*/}" /scratch ;;
  esac
done

hostname guest
ip link set lo up

for port in /sys/class/virtio-ports/*; do
  case $(cat "$port/name") in
    output) output=/dev/${port##*/} ;;
    control) control=/dev/${port##*/} ;;
  esac
done

# The control port takes one opener at a time, so that it stays open from the question to the answer.
exec 3<>"$control"
echo "ready $(cut -d' ' -f1 /proc/uptime)" >&3
read -r seconds encoded <&3
echo "$encoded" | base64 -d >/run/command.sh

# The host kills the machine at its deadline; this limit is for a host that has gone away.
cd /reeve
timeout -s KILL "$seconds" /bin/sh /run/command.sh <&- >"$output" 2>&1 3>&-
echo "exit $?" >&3
exec 3>&-
# With -no-reboot this ends QEMU, and takes less time than powering off.
reboot -f
