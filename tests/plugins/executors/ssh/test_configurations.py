"""Servers as their administrators have set them up: what each lets in, carries out and has in common with us."""

from __future__ import annotations

from pathlib import Path

import pytest

from taskkit.outcomes import ErrorClass
from taskkit.plugins.verbs import Command
from taskkit.secrets import Secret
from tests import servers
from tests.plugins.executors.ssh.reach import carried_out, carry_out, shell, there
from tests.plugins.executors.ssh.reaching import refused, says
from tests.servers.box import Box
from tests.servers.doors import Door
from tests.servers.sshd import Sshd, keygen, running

MAKES_RSA = (
    "/bin/sh",
    "-c",
    'ssh-keygen -q -t rsa -N "" -f "$1/rsa"; cp "$1/rsa.pub" "$1/host_ed25519.pub"; shift; exec "$@"',
    "keys",
    "{folder}",
)


@pytest.fixture
def passwords_only(box: Box) -> Door:
    return box.open("PubkeyAuthentication no\n", questions=False)


def test_a_server_of_keys_alone_says_so_to_a_password(sshd: Sshd) -> None:
    assert says(sshd.port, sshd.user, key=sshd.key, host_key=sshd.host_key) == f"in as {sshd.user}"
    error = refused(sshd.port, sshd.user, password=Secret("a-horse-that-nobody-asks-for"), host_key=sshd.host_key)
    assert (error.error, error.case) == (ErrorClass.BAD_CONFIGURATION, "it takes publickey, and the vault has nothing for it")


def test_a_server_of_passwords_alone_says_so_to_a_key(passwords_only: Door, tmp_path: Path) -> None:
    keygen(tmp_path / "key")
    account, server = passwords_only.account(key=(tmp_path / "key.pub").read_text()), passwords_only
    key = Secret((tmp_path / "key").read_text())
    for given in ({"password": account.password}, {"password": account.password, "key": key}):
        assert says(server.port, account.name, host_key=server.host_key, **given) == f"in as {account.name}"
    error = refused(server.port, account.name, key=key, host_key=server.host_key)
    assert (error.error, error.case) == (ErrorClass.BAD_CONFIGURATION, "it takes password, and the vault has nothing for it")


def test_a_server_of_one_session_carries_out_one_command_after_the_other() -> None:
    with running(servers.program("sshd"), config="MaxSessions 1\n") as server:
        told = carried_out(there(server), *(Command(f"head -c {size} /dev/zero") for size in (0, 1, 100_000) * 20))
        assert [one.state for one in told] == ["done"] * 60
        left = Command("sleep 5 & echo left", shell=True)  # noqa: S604  a shell leaves it behind
        told = carried_out(there(server, settings={"grace": 0.2}), left, "echo next")
    assert [(one.state, one.output) for one in told] == [("done", "left\n"), ("done", "next\n")]


def test_a_forced_command_gets_what_was_asked_for_and_its_end_is_the_end() -> None:
    forces = 'ForceCommand case "$SSH_ORIGINAL_COMMAND" in "show version") echo 7;; *) echo "not here" >&2; exit 9;; esac\n'
    with running(servers.program("sshd"), config=forces) as server:
        assert carry_out(there(server), "show version").output == "7\n"
        told = carry_out(there(server), "reload now")
    assert (told.state, told.exit, told.text) == ("not_done", 9, "it ended with 9 instead of 0: not here")


def test_a_forced_command_that_ends_well_is_told_from_what_was_asked_for_by_a_pattern() -> None:
    """Nothing else tells: a server of files alone ends well, whatever it is asked."""
    with running(servers.program("sshd"), config="ForceCommand internal-sftp\n") as server:
        told = shell(there(server), "echo did it", expect="^did it$")
    assert (told.state, told.error) == ("not_done", "failed")


@pytest.mark.parametrize(
    "config",
    [
        "KexAlgorithms diffie-hellman-group14-sha256\nCiphers aes128-ctr\nMACs hmac-sha2-256\n",
        "KexAlgorithms diffie-hellman-group-exchange-sha256\nCiphers aes256-ctr\nMACs hmac-sha2-512\n",
        "KexAlgorithms ecdh-sha2-nistp256\nHostKey {folder}/rsa\nHostKeyAlgorithms rsa-sha2-256\nPubkeyAcceptedAlgorithms ssh-ed25519\n",
        "Ciphers aes128-cbc\nMACs hmac-sha1\n",
        "Ciphers 3des-cbc\nMACs hmac-md5\n",
    ],
    ids=["group14", "group-exchange", "rsa", "cbc and sha1", "3des and md5"],
)
def test_a_server_of_an_older_day_has_enough_in_common(config: str) -> None:
    with running(servers.program("sshd"), config=config, before=MAKES_RSA if "rsa" in config else ()) as server:
        assert shell(there(server), "head -c 100000 /dev/zero | tr '\\0' x | wc -c").output.strip() == "100000"


@pytest.mark.parametrize(("ciphers", "taken"), [("", "gcm@openssh.com"), ("Ciphers aes128-ctr\n", "aes128-ctr")], ids=["all", "older"])
def test_keys_are_agreed_upon_anew_while_much_goes_both_ways(ciphers: str, taken: str) -> None:
    """Where there are ciphers that need no MAC, one of them is taken."""
    with running(servers.program("sshd"), config=f"{ciphers}RekeyLimit 256K\n") as server:
        run = there(server)
        with run.connect() as connection:
            wire = connection._wire
            command = Command("tee /dev/stderr | wc -c", stdin="y" * 3_000_000, shell=True)  # noqa: S604
            [told] = connection.commands([command], run)
    assert (told.output.strip(), told.truncated) == ("3000000", True)
    assert wire.local_cipher.endswith(taken)
    assert wire.session_id != wire.H
