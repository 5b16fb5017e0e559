"""An sshd that sees an /etc of its own: accounts, sudo and su to try, of which the machine knows nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from taskkit.secrets import Secret
from tests import servers
from tests.servers.sshd import CONFIG, Sshd, wait

#: Who is there, and what sudo lets them do.
ACCOUNTS = {
    "app": "ALL=(ALL:ALL) ALL",
    "free": "ALL=(ALL:ALL) NOPASSWD: ALL",
    "narrow": "ALL=(root) /usr/sbin/chpasswd, /usr/bin/id",
    "plain": "",
    "aged": "",
    "duty": "",
    "singer": "ALL=(ALL:ALL) ALL",
    "switch": "",
}
#: Each has one of its own, which no test may find again.
PASSWORDS = {name: f"{name}-horse-battery-staple" for name in ACCOUNTS}
PASSWORD_CONFIG = CONFIG.replace("PasswordAuthentication no", "PasswordAuthentication yes").replace("UsePAM no", "UsePAM yes")

#: What the account `switch` has for a shell: it takes lines as they stand, says them, and knows nothing of any other.
CLI = """\
#!/bin/sh
printf '%s' "$2"
"""

#: In a mount namespace of its own: whatever it changes is a copy.
WALLS = """\
set -e
cd "$1"
umask 022
cp -a /etc etc
mount --bind etc /etc
for place in /run /var/log /var/mail /var/lib/sudo /home; do
    if [ -d "$place" ]; then mount -t tmpfs tmpfs "$place"; fi
done
mount --bind "$1" /mnt
mount -t tmpfs -o mode=1777 tmpfs /tmp
mkdir -p /run/sshd "$1"
mount --bind /mnt "$1"
cd "$1"
sed -i 's/pam_unix.so nullok/pam_unix.so nullok nodelay/' /etc/pam.d/common-auth
printf 'Defaults timestamp_timeout=0, lecture=never\\n' >/etc/sudoers.d/trial
while IFS=: read -r name password; do
    useradd -m -s /bin/sh "$name"
    printf '%s:%s\\n' "$name" "$password" | chpasswd
done <accounts
cat rules >>/etc/sudoers.d/trial
chmod 440 /etc/sudoers.d/trial
chage -d 0 aged
usermod -s "$1/cli" switch
exec "$2" -D -f config -E log
"""


class Walled(Sshd):
    """One server with accounts of its own; `key` opens each of them."""

    @property
    def shared(self) -> Path:
        """Where both its accounts and the tests may write; its /tmp is its own."""
        return self.folder / "shared"

    def password(self, user: str) -> Secret:
        return Secret(PASSWORDS[user])


@pytest.fixture(scope="session")
def walled() -> Iterator[Walled]:
    with running(servers.program("sshd")) as server:
        yield server


@contextmanager
def running(program: Path) -> Iterator[Walled]:
    if os.geteuid() or not shutil.which("unshare") or not shutil.which("sudo"):
        pytest.skip("accounts of its own take root, unshare and sudo")
    with servers.folder("walled") as folder:
        folder.chmod(0o755)
        (folder / "shared").mkdir()
        (folder / "shared").chmod(0o777)
        for name in ("host_ed25519", "user_ed25519"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)  # noqa: S607
        shutil.copy(folder / "user_ed25519.pub", folder / "authorized_keys")
        (folder / "accounts").write_text("".join(f"{name}:{password}\n" for name, password in PASSWORDS.items()))
        (folder / "rules").write_text("".join(f"{name} {rule}\n" for name, rule in ACCOUNTS.items() if rule))
        (folder / "cli").write_text(CLI)
        (folder / "cli").chmod(0o755)
        server = Walled(folder, servers.free_port())
        (folder / "config").write_text(PASSWORD_CONFIG.format(folder=folder, port=server.port))
        walls = ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", WALLS, "walls", str(folder), str(program)]
        with subprocess.Popen(walls, cwd=folder, stdin=subprocess.DEVNULL) as process:
            try:
                wait(server, process)
                yield server
            finally:
                process.terminate()
