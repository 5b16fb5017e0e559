"""S7: whose key a machine shows is checked, before anything secret is said to it."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pendulum
import pytest

from taskkit.outcomes import ErrorClass
from taskkit.plugins.executors.ssh import Ssh
from taskkit.plugins.executors.ssh._certificates import fault_of
from taskkit.plugins.executors.ssh._known_hosts import HostKey
from taskkit.testing.trials import Trial
from taskkit.vaults import Hosts
from tests import servers
from tests.plugins.executors.ssh.reaching import record, refused, says
from tests.servers.sshd import Sshd, keygen, running


def public(path: Path) -> str:
    return " ".join(path.with_suffix(".pub").read_text().split()[:2])


def fingerprint(path: Path) -> str:
    """As OpenSSH itself writes it."""
    said = subprocess.run(["ssh-keygen", "-lf", path.with_suffix(".pub")], capture_output=True, text=True, check=True)  # noqa: S607
    return said.stdout.split()[1]


@pytest.fixture
def other(tmp_path: Path) -> Path:
    keygen(tmp_path / "other")
    return tmp_path / "other"


@pytest.fixture(scope="module")
def of_three_kinds() -> Iterator[Sshd]:
    """With host keys of three kinds, and a certificate of one of them."""
    kinds = "".join(f"HostKey {{folder}}/host_{kind}\n" for kind in ("rsa", "ecdsa"))
    before = ("/bin/sh", "-c", MAKES_KEYS, "keys", "{folder}")
    with running(servers.program("sshd"), config=kinds + "HostCertificate {folder}/host_ed25519-cert.pub\n", before=before) as server:
        yield server


MAKES_KEYS = """\
set -e
for kind in rsa ecdsa; do ssh-keygen -q -t $kind -N '' -f "$1/host_$kind"; done
ssh-keygen -q -t ed25519 -N '' -f "$1/authority"
ssh-keygen -q -s "$1/authority" -I host -h -n 127.0.0.1,localhost "$1/host_ed25519.pub"
shift
exec "$@"
"""


def enters(server: Sshd, **given: Any) -> bool:
    return says(server.port, server.user, key=server.key, **given) == f"in as {server.user}"


def test_s07_an_unknown_key_is_refused_with_its_fingerprint_and_what_would_help(sshd: Sshd) -> None:
    error = refused(sshd.port, sshd.user, key=sshd.key)
    shown = fingerprint(sshd.folder / "host_ed25519")
    assert error.error == ErrorClass.BAD_CONFIGURATION
    assert error.tried == f"checking the host key of '[127.0.0.1]:{sshd.port}'"
    assert error.case == f"it shows {shown} (ssh-ed25519), and none is known"
    assert f"keep {public(sshd.folder / 'host_ed25519')!r} in the record's field 'host_key'" in error.help


def test_s07_a_changed_key_is_refused_with_both_fingerprints_and_a_class_of_its_own(sshd: Sshd, other: Path) -> None:
    error = refused(sshd.port, sshd.user, key=sshd.key, host_key=public(other))
    shown = fingerprint(sshd.folder / "host_ed25519")
    assert error.error == ErrorClass.HOST_CHANGED
    assert error.case == f"it shows {shown} (ssh-ed25519), and known is {fingerprint(other)} (ssh-ed25519)"


def test_s07_nothing_is_said_to_a_machine_that_shows_another_key(sshd: Sshd, other: Path) -> None:
    for host_key, told in ((public(other), False), (sshd.host_key, True)):
        refused(sshd.port, "nobody-of-this-name", key=sshd.key, host_key=host_key)
        assert ("nobody-of-this-name" in sshd.log) is told


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_s07_a_machine_with_keys_of_several_kinds_is_asked_for_the_one_that_is_known(of_three_kinds: Sshd, kind: str) -> None:
    assert enters(of_three_kinds, host_key=public(of_three_kinds.folder / f"host_{kind}"))


def test_s07_one_of_several_lines_of_a_record_is_enough(sshd: Sshd, other: Path) -> None:
    name = f"[127.0.0.1]:{sshd.port}"
    assert enters(sshd, host_key=f"# of the machine\n\n{public(other)} old\n{sshd.host_key}\n")
    assert enters(sshd, host_key=f"{name} {sshd.host_key}\nelsewhere {public(other)}")
    assert refused(sshd.port, sshd.user, key=sshd.key, host_key=f"elsewhere {sshd.host_key}").error == ErrorClass.BAD_CONFIGURATION


@pytest.mark.parametrize(
    ("names", "known"),
    [
        ("{name}", True),
        ("elsewhere,{name}", True),
        ("*", True),
        ("[127.0.0.?]:{port}", True),
        ("[127.*]:*", True),
        ("127.0.0.1", False),
        ("[127.0.0.1]:22", False),
        ("*,!{name}", False),
        ("{hashed}", True),
    ],
)
def test_s07_a_file_is_read_as_openssh_does_but_for_ports_it_does_not_name(sshd: Sshd, tmp_path: Path, names: str, known: bool) -> None:
    name, path = f"[127.0.0.1]:{sshd.port}", tmp_path / "known_hosts"
    path.write_text(f"{name} {public(sshd.folder / 'host_ed25519')}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", path], check=True, capture_output=True)  # noqa: S607
    hashed = path.read_text().split()[0]
    path.write_text(f"# ours\n{names.format(name=name, port=sshd.port, hashed=hashed)}\t{sshd.host_key}\n")
    if not known:
        assert refused(sshd.port, sshd.user, key=sshd.key, known_hosts=str(path)).error == ErrorClass.BAD_CONFIGURATION
        return
    assert enters(sshd, known_hosts=str(path))
    looked = subprocess.run(
        ["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={path}",  # noqa: S607
         "-o", "GlobalKnownHostsFile=none", "-i", sshd.folder / "user_ed25519", "-p", str(sshd.port), "127.0.0.1", "true"],
        capture_output=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert looked.returncode == 0


def test_s07_a_revoked_key_is_refused_wherever_it_is_known(sshd: Sshd, tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"@revoked * {sshd.host_key}\n")
    error = refused(sshd.port, sshd.user, key=sshd.key, host_key=sshd.host_key, known_hosts=str(path))
    assert (error.error, "which is revoked" in error.case) == (ErrorClass.REFUSED, True)


def test_s07_a_line_that_nobody_can_read_is_refused_and_not_passed_over(sshd: Sshd, tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"{sshd.host_key}\n")
    error = refused(sshd.port, sshd.user, key=sshd.key, known_hosts=str(path))
    assert (error.error, error.case) == (ErrorClass.BAD_CONFIGURATION, f"the file {str(path)!r}: line 1 is none of a known_hosts file")
    error = refused(sshd.port, sshd.user, key=sshd.key, host_key="ssh-ed25519 nonsense")
    assert error.case == "the field 'host_key': line 1 is none of a known_hosts file"
    error = refused(sshd.port, sshd.user, key=sshd.key, known_hosts=str(tmp_path / "none"))
    assert error.case == f"the file {str(tmp_path / 'none')!r} cannot be read: No such file or directory"


# certificates of hosts


def authority(server: Sshd) -> str:
    return f"@cert-authority * {public(server.folder / 'authority')}"


def test_s07_an_authority_vouches_for_the_machines_whose_keys_it_signed(of_three_kinds: Sshd) -> None:
    assert enters(of_three_kinds, host_key=authority(of_three_kinds))
    assert enters(of_three_kinds, host_key=authority(of_three_kinds), address="localhost")


def test_s07_an_authority_vouches_for_no_other_machine_and_another_authority_for_none(of_three_kinds: Sshd, other: Path) -> None:
    server = of_three_kinds
    error = refused(server.port, server.user, key=server.key, host_key=f"@cert-authority * {public(other)}")
    assert (error.error, "it is signed by SHA256:" in error.case) == (ErrorClass.BAD_CONFIGURATION, True)
    revoked = f"{authority(server)}\n@revoked * {public(server.folder / 'authority')}"
    assert refused(server.port, server.user, key=server.key, host_key=revoked).error == ErrorClass.BAD_CONFIGURATION


@pytest.mark.parametrize(
    ("options", "case"),
    [
        (("-h", "-n", "elsewhere"), "it is for elsewhere"),
        (("-h",), "it is for nobody"),
        (("-n", "127.0.0.1"), "it is that of a user"),
        (("-h", "-n", "127.0.0.1", "-V", "20200101:20210101"), "it is not valid now"),
        (("-h", "-n", "127.0.0.1"), None),
        (("-h", "-n", "127.0.0.*"), None),
    ],
)
def test_s07_a_certificate_does_only_for_what_it_was_made_for(tmp_path: Path, options: tuple[str, ...], case: str | None) -> None:
    for name in ("authority", "host"):
        keygen(tmp_path / name)
    keygen(tmp_path / "host.pub", "-s", str(tmp_path / "authority"), "-I", "x", *options)
    blob = base64.b64decode((tmp_path / "host-cert.pub").read_text().split()[1])
    known = [key for key in [HostKey.read(public(tmp_path / "authority"))] if key]
    assert fault_of(blob, "127.0.0.1", known, (), pendulum.now("UTC")) == case
    spoilt = blob[:-1] + bytes([blob[-1] ^ 1])
    assert fault_of(spoilt, "127.0.0.1", known, (), pendulum.now("UTC")) == "its signature is wrong"


# trust at first sight


def first_sight(server: Sshd) -> tuple[Trial, dict[str, Any]]:
    trial = Trial(executor=Ssh(), record=record())
    return trial, {"key": server.key, "trust_first": True, "trial": trial}


def test_s07_trust_at_first_sight_is_chosen_told_and_kept(sshd: Sshd) -> None:
    trial, given = first_sight(sshd)
    name, shown = f"[127.0.0.1]:{sshd.port}", public(sshd.folder / "host_ed25519")
    assert enters(sshd, **{key: value for key, value in given.items() if key != "key"})
    assert list(trial.vault.hosts.known(name)) == [shown]
    [told] = list(trial.engine.facts(kinds=["HostTrusted"]))
    assert told.details == {"address": name, "key": f"{fingerprint(sshd.folder / 'host_ed25519')} (ssh-ed25519)"}
    assert (told.job, told.record) == (trial.job, "db-1")
    trial.again()
    assert says(sshd.port, sshd.user, key=sshd.key, trial=trial) == f"in as {sshd.user}"  # also without the setting
    assert len([*trial.engine.facts(kinds=["HostTrusted"])]) == 1


def test_s07_what_was_trusted_once_is_known_and_another_key_is_a_changed_one(sshd: Sshd, other: Path) -> None:
    trial, given = first_sight(sshd)
    trial.vault.hosts.trust(f"[127.0.0.1]:{sshd.port}", public(other))
    error = refused(sshd.port, sshd.user, **given)
    assert error.error == ErrorClass.HOST_CHANGED
    assert fingerprint(other) in error.case


def test_s07_a_vault_that_keeps_no_keys_makes_trust_impossible(sshd: Sshd) -> None:
    trial, given = first_sight(sshd)
    object.__setattr__(trial.vault, "hosts", Hosts())
    error = refused(sshd.port, sshd.user, **given)
    assert (error.error, "the vault has not kept it" in error.case) == (ErrorClass.BAD_CONFIGURATION, True)
