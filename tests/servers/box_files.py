"""What is written into a box before it starts, and what ends it."""

from __future__ import annotations

PROGRAMS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: How a password is changed where a test says nothing else.
PASSWORDS = ("sufficient pam_unix.so obscure minlen=8 sha512 rounds=1000 nodelay", "required pam_deny.so")
_LOCKS = "deny=3 unlock_time=600 dir=/run/faillock nodelay"

#: As the first process of a PID namespace, in a mount namespace: root of the box is what this machine has, and above it a file system in
#: memory. Only what is named in box.target is started. /etc/outside is the network of this machine, for who is to be reached from there.
BOOT = f"""\
set -e
folder=$1
root=$folder/over/root
mount -t tmpfs tmpfs /run
mount -t cgroup2 none /sys/fs/cgroup
mkdir "/sys/fs/cgroup/${{folder##*/}}"
echo 0 >"/sys/fs/cgroup/${{folder##*/}}/cgroup.procs"
mkdir "$folder/over"
mount -t tmpfs -o mode=755 tmpfs "$folder/over"
mkdir "$folder/over/upper" "$folder/over/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/over/upper,workdir=$folder/over/work" "$root"

cd "$root/etc"
rm -rf systemd/system sudoers.d/* update-motd.d/* rc?.d machine-id fstab crypttab ../var/log/journal
tr -d - </proc/sys/kernel/random/uuid >machine-id
echo "127.0.0.1 localhost box" >hosts
echo box >hostname
touch outside
mount --bind /proc/self/ns/net outside

mkdir systemd/system
for unit in logind journal-flush networkd random-seed remount-fs resolved sysctl sysusers timesyncd update-utmp; do
    ln -s /dev/null "systemd/system/systemd-$unit.service"
done
ln -s /dev/null systemd/system/dev-hugepages.mount
cat >systemd/system/box.target <<END
[Unit]
Requires=basic.target
After=basic.target
Wants=box-ready.service
END
cat >systemd/system/box-ready.service <<END
[Unit]
Requires=dbus.service systemd-user-sessions.service
After=dbus.service systemd-user-sessions.service
[Service]
Type=oneshot
ExecStart=/bin/touch $folder/shared/ready
END

echo "FAIL_DELAY 0" >>login.defs
groupadd --root "$root" --system lockable
printf 'Defaults timestamp_timeout=0, lecture=never\\n' >sudoers.d/box
chmod 440 sudoers.d/box
cat >pam.d/common-auth <<END
auth [success=ignore default=1] pam_succeed_if.so quiet user ingroup lockable
auth required pam_faillock.so preauth {_LOCKS}
auth sufficient pam_unix.so nodelay
auth [success=ignore default=1] pam_succeed_if.so quiet user ingroup lockable
auth [default=die] pam_faillock.so authfail {_LOCKS}
auth required pam_deny.so
END
cat >pam.d/common-account <<END
account [success=ignore default=1] pam_succeed_if.so quiet user ingroup lockable
account required pam_faillock.so dir=/run/faillock
account required pam_unix.so
END
echo "session required pam_unix.so" | tee pam.d/common-session >pam.d/common-session-noninteractive
cat >pam.d/common-password <<END
{chr(10).join(f"password {rule}" for rule in PASSWORDS)}
END

cd /
exec systemd-nspawn --quiet --directory="$root" --machine=box --bind="$folder/shared" --boot --private-network --register=no --keep-unit \\
    --link-journal=no --resolv-conf=off --timezone=off --console=pipe systemd.unit=box.target
"""

#: Its processes have been told to end: with the last of them their control group can go.
LAST = """\
unshare --mount --propagation private /bin/sh -c '
mount -t cgroup2 none /sys/fs/cgroup || exit 0
tries=0
while [ -d "$0" ] && [ "$tries" -lt 200 ]; do
    find "$0" -depth -type d -exec rmdir {{}} \\; 2>/dev/null
    if [ -d "$0" ]; then sleep 0.02; fi
    tries=$((tries + 1))
done
' "/sys/fs/cgroup/{name}"
"""
