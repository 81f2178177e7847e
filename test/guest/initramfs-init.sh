#!/bin/busybox sh
# The first process of the test guest: loads what the root disk needs, mounts it read-only and hands over to it.
# The root disk's own init continues with everything that is worth reading.
/bin/busybox mkdir -p /proc /sys /dev /root
/bin/busybox mount -t devtmpfs devtmpfs /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
while read -r module; do /bin/busybox insmod "/modules/$module"; done </modules/order
# A disk is told by its serial, as the order in which the kernel finds disks is not the order of QEMU's arguments.
for disk in /sys/block/vd*; do
  if [ "$(/bin/busybox cat "$disk/serial")" = root ]; then
    /bin/busybox mount -t ext4 -o ro "/dev/${disk##*/}" /root && break
  fi
done
/bin/busybox mount --move /dev /root/dev
/bin/busybox mount --move /proc /root/proc
/bin/busybox mount --move /sys /root/sys
exec /bin/busybox switch_root /root /sbin/init
