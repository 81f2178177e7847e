#!/bin/sh
# A host of its own: a libvirtd in fresh mount, network, host name, cgroup and process namespaces.
#   host.sh CGROUP FOLDER NAME
# lives until its standard input ends, that is until whoever started it closes that or dies, and then takes all down:
# processes, control groups and FOLDER, which keeps run/ (with the socket), var/log/ and whatever else libvirtd writes.
# Calls itself with --enter to enter CGROUP and make the namespaces, and with --inside to go on there.
set -eu

inside() {
  folder=$2 name=$3
  # As those outside know it: /proc is still theirs.
  read -r pid _ </proc/self/stat
  echo "$pid" >"$folder/pid"
  mount --make-rprivate /
  hostname "$name"
  # libvirtd wants this user and group to exist, whatever its configuration says.
  for file in passwd group; do
    { grep -v '^libvirt-qemu:' "/etc/$file"; echo "libvirt-qemu:x:64055:64055::/:/bin/false"; } >"$folder/etc/$file"
    mount --bind "$folder/etc/$file" "/etc/$file"
  done
  # /run comes last, as the folder itself may lie there.
  for place in etc/libvirt var/lib/libvirt var/cache/libvirt var/log/libvirt run; do
    mkdir -p "$folder/$place" "/$place"
    mount --bind "$folder/$place" "/$place"
  done
  mount -t proc proc /proc
  # A view of the control groups that begins at this host's own.
  version=$(stat -fc %T /sys/fs/cgroup)
  controllers=$(sed -n 's/^[0-9]*:\([a-z,]*\):.*/\1/p' /proc/self/cgroup)
  umount -l /sys/fs/cgroup
  mount -t sysfs sysfs /sys
  if [ "$version" = cgroup2fs ]; then
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    # Version 2 has no groups beside processes.
    mkdir -p /sys/fs/cgroup/daemon
    echo $$ >/sys/fs/cgroup/daemon/cgroup.procs
  else
    mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
    for controller in $controllers; do
      mkdir "/sys/fs/cgroup/$controller"
      mount -t cgroup -o "$controller" cgroup "/sys/fs/cgroup/$controller"
    done
  fi
  ip link set lo up
  # What guests with a network hang on.
  ip link add br0 type bridge
  ip link set br0 up
  # Killed, it is started again, as systemd would, but for a file that says not to.
  while :; do
    if [ -e /run/keep-down ]; then sleep 0.1; else libvirtd || true; fi
  done
}

enter() {
  if [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; then
    mkdir -p "/sys/fs/cgroup/$1"
    echo $$ >"/sys/fs/cgroup/$1/cgroup.procs"
  else
    for controller in cpu cpuacct cpuset memory devices freezer blkio; do
      group=/sys/fs/cgroup/$controller/$1
      mkdir -p "$group"
      if [ "$controller" = cpuset ]; then
        cat /sys/fs/cgroup/cpuset/cpuset.cpus >"$group/cpuset.cpus"
        cat /sys/fs/cgroup/cpuset/cpuset.mems >"$group/cpuset.mems"
      fi
      echo $$ >"$group/cgroup.procs"
    done
  fi
  # With the one process inside that collects the dead, everything there ends.
  exec unshare --mount --net --uts --cgroup --pid --fork --kill-child "$0" --inside "$@"
}

take_down() {
  kill -KILL "$2"
  wait "$2" || true
  for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    left=no
    for group in "/sys/fs/cgroup/$1" /sys/fs/cgroup/*/"$1"; do
      [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || left=yes
    done
    [ $left = yes ] || break
    sleep 0.1
  done
}

case $1 in
--enter) shift && enter "$@" ;;
--inside) shift && inside "$@" ;;
esac
setpriv --pdeathsig KILL "$0" --enter "$@" </dev/null &
host=$!
cat >/dev/null
# Nobody listens any more, and a word to nobody would end this.
exec 2>/dev/null
take_down "$1" "$host"
rm -rf "$2"
