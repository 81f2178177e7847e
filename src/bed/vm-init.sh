#!/bin/busybox sh
# The init of a test machine: loads what its devices need, answers a shell command channel, runs the guest agent, and
# does work on request. Everything lives in the initial memory disk; there is nothing to write to.
/bin/busybox mkdir -p /proc /sys /dev /run /tmp /var
/bin/busybox mount -t devtmpfs devtmpfs /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox --install -s /bin
export PATH=/bin:/usr/sbin HOME=/ LANG=C.UTF-8
ln -s /run /var/run
while read -r module; do insmod "/modules/$module"; done </modules/order

# The agent asks for its port by name, which udev would link.
mkdir -p /dev/virtio-ports
for port in /sys/class/virtio-ports/*; do ln -s "../${port##*/}" "/dev/virtio-ports/$(cat "$port/name")"; done
[ -e /dev/virtio-ports/org.qemu.guest_agent.0 ] && qemu-ga -d -t /run -f /run/qemu-ga.pid

address=$(sed -n 's/.*reeve\.address=\([^ ]*\).*/\1/p' /proc/cmdline)
[ -z "$address" ] || { ip link set eth0 up; ip address add "$address" dev eth0; }

# A CPU that is plugged in is not used before somebody says so; one that was parked on purpose stays parked.
cat >/run/plugged <<'END'
#!/bin/sh
[ "$ACTION $SUBSYSTEM" = 'add cpu' ] && echo 1 >"/sys$DEVPATH/online"
END
chmod +x /run/plugged
uevent /run/plugged &

# While nobody on the host has a channel open, reading it ends at once. It stays open here all the same, since what has
# arrived is lost when it is closed.

# Serves requests, a worker for each channel, one at a time and in order: a line with a number is that much work, and is
# answered by the same line.
serve() {
  exec 4<>"$1"
  while :; do
    awk '{ for (i = 0; i < $1; i++) x += i; print; fflush() }' <&4 >&4
    sleep 1
  done
}
for port in /dev/virtio-ports/reeve.work-*; do serve "$port" & done

# Every line is a command for the shell; its output comes back, then a line with its exit code.
exec 3<>/dev/virtio-ports/reeve.shell
while :; do
  while read -r line; do
    sh -c "$line" >/run/output 2>&1 </dev/null 3>&-
    code=$?
    cat /run/output >&3
    echo "#exit $code" >&3
  done <&3
  sleep 0.2
done
