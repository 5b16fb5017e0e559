"""Small secrets that taskkit keeps of its own, each sealed for its place in the store (S6), and the keys that they and the facts need.

Nothing here is written in plain, and nothing is decided without a keyring. Whoever keeps a secret puts the change into the unit of what
it belongs to: so neither is there without the other.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from attrs import field, frozen

from taskkit.errors import BadSeal, InvalidValue, MissingKey, Refused
from taskkit.facts import Fact, FactKey
from taskkit.secrets import Secret
from taskkit.storage import Document, Keep

if TYPE_CHECKING:
    from taskkit.engine._ground import Ground
    from taskkit.engine._rights import RightsDesk
    from taskkit.keyrings import Keyring
    from taskkit.passwords import FormerPasswords

#: What is sealed, by id; and of each key that has sealed, what only that key opens.
SEALED, KEYS = "sealed", "key"
#: For this the hashes of facts get a key of their own.
FACTS = "facts"
_PROOF = b"taskkit"
_PAGE = 100
_ANEW = "sealing all anew"


@frozen
class Opened:
    """What was sealed, for who needs it: as Secrets, which show nothing. `secret` is what was kept as bytes."""

    id: str
    revision: int
    group: str
    secrets: Mapping[str, Secret] = field(eq=False)

    @property
    def secret(self) -> Secret:
        return self.secrets[_ALONE]


#: The name of what has none.
_ALONE = ""


@frozen
class KeyUse:
    """What needs one key: how many sealed documents, and how many chains of facts."""

    sealed: int = 0
    chains: int = 0


class Seals:
    def __init__(self, ground: Ground, rights: RightsDesk, keyring: Keyring | None) -> None:
        self._ground, self._rights, self._storage, self._keyring = ground, rights, ground.storage, keyring

    # keeping and reading

    def keep(self, id: str, plain: Mapping[str, Secret] | Secret | bytes, revision: int = 0, group: str = "") -> Keep:
        """A change for a unit: the secret under the current key, in the place of the revision that it replaces."""
        tried, packed = f"keeping the secret {id!r}", _packed(plain)
        del plain  # who dumps the locals of this frame shows none
        keyring = self._wanted(tried)
        if packed is None:
            raise InvalidValue(tried, "it is neither bytes nor Secrets by name", "give bytes, and not none, or {'password': Secret(…)}")
        return Keep(SEALED, id, revision, _body(keyring, keyring.seal(packed.reveal_bytes(), _place(SEALED, id))), group)

    def read(self, id: str) -> Opened | None:
        kept = self._storage.document(SEALED, id)
        return None if kept is None else self._opened(kept, self._wanted(f"reading the secret {id!r}"))

    def drop(self, id: str, revision: int) -> Keep:
        """A change for a unit: it is needed no more. That takes no key."""
        return Keep(SEALED, id, revision, None)

    # what was

    def former(self, account: str, secrets: Iterable[Secret] = (), prints: Iterable[str] = ()) -> FormerPasswords:
        """With hashes of which a key is there, but for those of the secrets themselves: none counts twice."""
        from taskkit.passwords import FormerPasswords

        keyring = self._keyring
        ids = () if keyring is None else keyring.ids
        known = FormerPasswords([one for one in prints if one.partition(":")[0] in ids], keyring=keyring, account=account)
        return known._behind(secrets)

    def print_of(self, account: str, secret: Secret) -> str:
        """A keyed hash of it; empty without a keyring."""
        return "" if self._keyring is None else self.former(account).print_of(secret)

    def _opened(self, kept: Document, keyring: Keyring) -> Opened:
        secrets = _unpacked(Secret(keyring.open(_sealed(kept), _place(SEALED, kept.id))))
        if secrets is None:
            raise BadSeal(f"reading the secret {kept.id!r}", "it opens, and has another form", "it was written by a newer version")
        return Opened(kept.id, kept.revision, kept.group, secrets)

    def demand(self, tried: str) -> None:
        """Refused where nothing can be sealed."""
        self._wanted(tried)

    def _wanted(self, tried: str) -> Keyring:
        if self._keyring is None:
            raise Refused(tried, "there is no keyring", "give Engine(…, keyring=…), or a plug-in that offers one: nothing is kept in plain")
        return self._keyring

    # at the start

    def check(self, tried: str = "starting the engine") -> None:
        """All keys that are needed are there, and are those that sealed; nothing is written."""
        there = () if self._keyring is None else self._keyring.ids
        missing = sorted(set(self._sealing()) - set(there))
        if missing:
            raise MissingKey(tried, missing[0], there)
        for id in there:
            self._prove(id, tried)

    def begin(self) -> None:
        """The facts are keyed from now on. Of a key that is new here a proof is left, and a fact that vouches for all before it (A6)."""
        keyring = self._keyring
        if keyring is None:
            return
        self._storage.key_facts({id: FactKey(id, keyring.derived(FACTS, id)) for id in keyring.ids}, keyring.current)
        id = keyring.current
        if self._storage.document(KEYS, id) is not None:
            return
        heads = {head.chain: [head.position, head.hash] for head in self._storage.heads()}
        taken = Fact("KeyTaken", self._ground.now(), details={"key": id, "heads": heads})
        proof = Keep(KEYS, id, 0, _body(keyring, keyring.seal(_PROOF, _place(KEYS, id))))
        if not self._storage.write([(proof, taken)])[0]:
            self._prove(id, "starting the engine")  # another process began with it at the same time

    def _prove(self, id: str, tried: str) -> None:
        """Another key of the same id would seal what nobody who has the first one can open."""
        kept = self._storage.document(KEYS, id)
        if kept is None or self._keyring is None:
            return
        try:
            sealed = _sealed(kept)
            proven = self._keyring.key_of(sealed) == id and self._keyring.open(sealed, _place(KEYS, id)) == _PROOF
        except BadSeal:
            proven = False
        if not proven:
            case = f"the key {id!r} is another one than that which sealed here"
            raise BadSeal(tried, case, "bring the right keyring; an id is never used again")

    # other keys

    def in_use(self) -> dict[str, KeyUse]:
        """Which keys are needed, and by how much; the current one always is."""
        sealed, chains = Counter(self._sealing()), self._storage.keyed()
        current = () if self._keyring is None else (self._keyring.current,)
        return {id: KeyUse(sealed[id], chains.get(id, 0)) for id in sorted({*sealed, *chains, *current})}

    def reseal(self, by: str | None) -> int:
        """All under the current key, a few at a time; how many. What does not open is left as it is, and told at the end."""
        self._rights.to_administer(by, _ANEW)
        keyring = self._wanted(_ANEW)
        self.check(_ANEW)
        self._ground.must_be_ours()
        done, damaged = 0, list[str]()
        for kept in self._all():
            landed = self._resealed(kept, keyring)
            done += landed is True
            damaged += [kept.id] if landed is None else []
        if done:
            self._storage.write([(Fact("Resealed", self._ground.now(), who=by, details={"key": keyring.current, "count": done}),)])
        if damaged:
            case = f"{done} are sealed anew, and {len(damaged)} do not open, the first is {damaged[0]!r}"
            raise BadSeal(_ANEW, case, "keep their key, and bring them back from a copy")
        return done

    def _resealed(self, kept: Document | None, keyring: Keyring) -> bool | None:
        """Whether it was under another key and is under this one now; None where it does not open. Whoever changed it first is obeyed."""
        while kept is not None:
            try:
                sealed = _sealed(kept)
                if keyring.is_current(sealed):
                    return False
                body = _body(keyring, keyring.resealed(sealed, _place(SEALED, kept.id)))
            except (BadSeal, MissingKey):  # the key that stands beside it may be another one
                return None
            if self._storage.write([(Keep(SEALED, kept.id, kept.revision, body, kept.group),)])[0]:
                return True
            kept = self._storage.document(SEALED, kept.id)
        return False

    def _sealing(self) -> Iterator[str]:
        """The key of each, as it stands beside it: also where it does not open any more, as a copy may be brought back."""
        return (key for kept in self._all() if isinstance(key := kept.body.get("key"), str))

    def _all(self) -> Iterator[Document]:
        page = self._storage.documents(SEALED, limit=_PAGE)
        while page:
            yield from page
            page = self._storage.documents(SEALED, after=page[-1].id, limit=_PAGE)


def no_keyring(given: object) -> InvalidValue | None:
    """What is wrong with what was handed in as one; it is not shown, as it may be a key."""
    from taskkit.keyrings import Keyring

    if isinstance(given, Keyring):
        return None
    return InvalidValue("making an engine", f"its keyring is a {type(given).__name__}", "give Keyring.from_file(…), or Keyring.generate(…)")


def _place(*parts: str) -> str:
    from taskkit.keyrings import place_of  # it loads what only an engine with a keyring needs

    return place_of(*parts)


def _body(keyring: Keyring, sealed: bytes) -> dict[str, str]:
    return {"key": keyring.current, "sealed": base64.b64encode(sealed).decode()}


def _sealed(kept: Document) -> bytes:
    try:
        return base64.b64decode(kept.body["sealed"], validate=True)
    except (LookupError, TypeError, ValueError):
        raise BadSeal(f"reading the secret {kept.id!r}", "it was damaged", "bring it back from a copy") from None


# Both answer None instead of raising: no frame that an error shows may hold what is secret.


def _packed(plain: object) -> Secret | None:
    """All of it as one text, behind which nobody sees names or number."""
    if isinstance(plain, bytes) and plain:
        plain = Secret(plain)
    secrets = {_ALONE: plain} if isinstance(plain, Secret) else plain
    if not isinstance(secrets, Mapping) or not secrets:
        return None
    if not all(isinstance(name, str) and isinstance(secret, Secret) for name, secret in secrets.items()):
        return None
    return Secret(json.dumps({name: base64.b64encode(secret.reveal_bytes()).decode() for name, secret in secrets.items()}))


def _unpacked(packed: Secret) -> Mapping[str, Secret] | None:
    try:
        return {name: Secret(base64.b64decode(text, validate=True)) for name, text in json.loads(packed.reveal_bytes()).items()}
    except (ValueError, TypeError, AttributeError):
        return None
