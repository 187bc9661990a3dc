"""Keys, as Python has them."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, NoReturn

from ._brinery import _keys_change, _keys_facts, _keys_join, _keys_load, _keys_make, _keys_save

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator
    from typing import Literal, Union

    from typing_extensions import Buffer

    from ._brinery import _Keys

    _Time = Union[float, datetime.datetime, datetime.timedelta]
    _State = Literal["active", "accept-until", "revoked"]

__all__ = ["Key", "KeyRing"]


def _utc(seconds: int | None) -> datetime.datetime | None:
    if seconds is None:
        return None
    return datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(seconds=seconds)


class Key:
    """A key for one algorithm, with a name and with what it is for. It never changes.

    Make one with `generate`, `from_bytes` or `from_password`, or read one with `load`. The secret is shown
    nowhere, and a key cannot be pickled.

    Examples
    --------
    >>> import brinery
    >>> key = brinery.Key.generate("ed25519", id="alice", purposes=["release"])
    >>> key
    <brinery.Key 'alice' ed25519 active, for 'release'>
    >>> key.public()
    <brinery.Key 'alice' ed25519 active, public, for 'release'>
    """

    __slots__ = ("__weakref__", "_keys")

    _keys: _Keys

    def __init__(self) -> None:
        raise TypeError("make a key with Key.generate, Key.from_bytes, Key.from_password or Key.load")

    @classmethod
    def _of(cls, keys: _Keys) -> Key:
        self = object.__new__(cls)
        self._keys = keys
        return self

    @classmethod
    def generate(cls, algorithm: str, *, id: str | None = None, purposes: Iterable[str] = ()) -> Key:
        """Make a new random key.

        Parameters
        ----------
        algorithm : str
            With a shared secret to authenticate, ``"hmac-sha256"`` or ``"blake3"``; to sign, ``"ed25519"``;
            to encrypt, ``"xchacha20-poly1305"``.
        id : str, optional
            The name by which envelopes refer to it; a random one if None.
        purposes : iterable of str
            What it may be used for; everything if there are none.

        Returns
        -------
        Key
            The key.

        Examples
        --------
        >>> import brinery
        >>> brinery.Key.generate("blake3", id="cache-2026").algorithm
        'blake3'
        """
        return cls._of(_keys_make(algorithm, id, purposes, None, None))

    @classmethod
    def from_bytes(
        cls,
        algorithm: str,
        material: Buffer,
        *,
        id: str | None = None,
        purposes: Iterable[str] = (),
        public: bool = False,
    ) -> Key:
        """Make a key of 32 bytes, such as those that `to_bytes` returned.

        Parameters
        ----------
        algorithm : str
            As for `generate`.
        material : bytes-like
            The 32 bytes. They should be random.
        id : str, optional
            The name by which envelopes refer to it; a random one if None.
        purposes : iterable of str
            What it may be used for; everything if there are none.
        public : bool, default False
            Whether they are a public key of Ed25519.

        Returns
        -------
        Key
            The key.

        Examples
        --------
        >>> import brinery
        >>> key = brinery.Key.from_bytes("hmac-sha256", bytes(range(32)), id="test")
        >>> key.to_bytes() == bytes(range(32))
        True
        """
        if public:
            algorithm += "-public"
        return cls._of(_keys_make(algorithm, id, purposes, material, None))

    @classmethod
    def from_password(
        cls,
        password: str | Buffer,
        *,
        id: str = "password",
        purposes: Iterable[str] = (),
        cost: tuple[int, int, int] | None = None,
    ) -> Key:
        """Make a key for encryption of a password.

        Parameters
        ----------
        password : str or bytes-like
            The password; text is taken as UTF-8.
        id : str, default "password"
            The name by which envelopes refer to it.
        purposes : iterable of str
            What it may be used for; everything if there are none.
        cost : tuple of int, optional
            What it costs to try a password by Argon2id, for sealing: memory in KiB, passes over it, lanes.
            The default is 64 MiB, 3 and 4.

        Returns
        -------
        Key
            The key. It cannot be written to a key ring.

        Examples
        --------
        >>> import brinery
        >>> key = brinery.Key.from_password("correct horse", cost=(8192, 1, 1))
        >>> sealed = brinery.seal(b"content", key, purpose="diary")
        >>> brinery.unseal(sealed, brinery.Key.from_password("correct horse"), purpose="diary")
        b'content'
        """
        material = password.encode() if isinstance(password, str) else password
        return cls._of(_keys_make("password", id, purposes, material, cost))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Key:
        """Read the key from a key ring's file that has just one.

        Parameters
        ----------
        path : path-like
            The file.

        Returns
        -------
        Key
            The key.

        Raises
        ------
        SealError
            If the file is no key ring, or others than its owner can read it.
        ValueError
            If there is not exactly one key in it.
        """
        keys = _keys_load(path)
        facts, _ = _keys_facts(keys, False)
        if len(facts) != 1:
            raise ValueError(f"{path} has {len(facts)} keys: use KeyRing.load")
        return cls._of(keys)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the key to a new file, which only its owner can read.

        Parameters
        ----------
        path : path-like
            The file. It must not exist.
        """
        _keys_save(self._keys, path, False)

    @property
    def id(self) -> str:
        """The name by which envelopes refer to it."""
        return self._facts[0]

    @property
    def algorithm(self) -> str:
        """What it is for: ``"hmac-sha256"``, ``"ed25519"``, ..."""
        return self._facts[1]

    @property
    def purposes(self) -> tuple[str, ...]:
        """What it may be used for; empty for everything."""
        return self._facts[2]

    @property
    def state(self) -> _State:
        """Whether it is ``"active"``, replaced (``"accept-until"``) or ``"revoked"``."""
        return self._facts[3]

    @property
    def accept_until(self) -> datetime.datetime | None:
        """How long a replaced key is accepted."""
        return _utc(self._facts[4])

    @property
    def created(self) -> datetime.datetime | None:
        """When it was made, if that is known."""
        return _utc(self._facts[5])

    @property
    def public_bytes(self) -> bytes | None:
        """The public key, for Ed25519."""
        return self._facts[6]

    @property
    def has_secret(self) -> bool:
        """Whether it can seal. A public key can only verify."""
        return self._facts[7]

    def public(self) -> Key:
        """Return the public part of an Ed25519 key, which verifies and cannot sign.

        Returns
        -------
        Key
            The public key, with the same name and rules.
        """
        if self.public_bytes is None:
            raise ValueError(f"a key for {self.algorithm} has no public part: only ed25519 has")
        return self._of(_keys_change(self._keys, "public", None, None))

    def to_bytes(self) -> bytes:
        """Return the 32 secret bytes, to be kept elsewhere.

        Returns
        -------
        bytes
            The secret. `from_bytes` makes a key of it again.
        """
        return _keys_facts(self._keys, True)

    @property
    def _facts(self) -> tuple[str, str, tuple[str, ...], _State, int | None, int | None, bytes | None, bool]:
        return _keys_facts(self._keys, False)[0][0]

    def __repr__(self) -> str:
        parts = [self.state if self.accept_until is None else f"accept-until {self.accept_until:%Y-%m-%d}"]
        if not self.has_secret:
            parts.append("public")
        if self.purposes:
            parts.append("for " + ", ".join(map(repr, self.purposes)))
        return f"<brinery.Key {self.id!r} {self.algorithm} {', '.join(parts)}>"

    def __copy__(self) -> Key:
        return self

    def __deepcopy__(self, memo: object) -> Key:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a key is not pickled: it would be readable; write it to a file of its own with save()"
        )


class KeyRing:
    """Keys, each with a state, in the order in which they were added.

    Parameters
    ----------
    keys : iterable of Key
        The keys. No two may have the same id or be the same key.
    signatures : int, default 1
        How many keys must have signed what the ring opens. With more than one, only signed data open.

    Examples
    --------
    >>> import brinery
    >>> ring = brinery.KeyRing([brinery.Key.generate("hmac-sha256", id="2026")])
    >>> sealed = brinery.seal(b"content", ring, purpose="cache")
    >>> ring.rotate("2026", id="2027")
    <brinery.Key '2027' hmac-sha256 active>
    >>> brinery.unseal(sealed, ring, purpose="cache")
    b'content'
    >>> ring.revoke("2026")
    >>> brinery.unseal(sealed, ring, purpose="cache")
    Traceback (most recent call last):
        ...
    brinery.SealError: sealed with the key '2026', which is revoked
    """

    __slots__ = ("__weakref__", "_keys")

    _keys: _Keys

    def __init__(self, keys: Iterable[Key] = (), *, signatures: int = 1) -> None:
        self._keys = _keys_join(keys, signatures)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> KeyRing:
        """Read a key ring's file.

        Parameters
        ----------
        path : path-like
            The file.

        Returns
        -------
        KeyRing
            The ring.

        Raises
        ------
        SealError
            If the file is no key ring, or others than its owner can read secrets in it or write to it.
        """
        self = object.__new__(cls)
        self._keys = _keys_load(path)
        return self

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the ring to a new file that only its owner can read, or in the place of one that is there.

        Parameters
        ----------
        path : path-like
            The file. At any moment it has its old or its new content.
        """
        _keys_save(self._keys, path, True)

    @property
    def signatures(self) -> int:
        """How many keys must have signed."""
        return _keys_facts(self._keys, False)[1]

    def add(self, key: Key) -> None:
        """Add a key.

        Parameters
        ----------
        key : Key
            The key. From now on it seals, if it can.
        """
        self._keys = _keys_join([self, key], self.signatures)

    def rotate(
        self,
        old: str,
        *,
        id: str | None = None,
        accept_until: _Time = datetime.timedelta(days=30),
    ) -> Key:
        """Put a new random key in the place of another, for the same algorithm and purposes.

        Parameters
        ----------
        old : str
            The id of the key that is replaced. It seals nothing more.
        id : str, optional
            The id of the new key; a random one if None.
        accept_until : float, datetime or timedelta
            How long what the old key sealed still opens.

        Returns
        -------
        Key
            The new key.
        """
        self._keys = _keys_change(self._keys, "rotate", old, (id, accept_until))
        return list(self)[-1]

    def retire(self, id: str, until: _Time) -> None:
        """Have a key seal nothing more, and open until a time.

        Parameters
        ----------
        id : str
            The key.
        until : float, datetime or timedelta
            How long what it sealed still opens.
        """
        self._keys = _keys_change(self._keys, "retire", id, until)

    def revoke(self, id: str) -> None:
        """Revoke a key for good: nothing that it sealed opens any more.

        Parameters
        ----------
        id : str
            The key.
        """
        self._keys = _keys_change(self._keys, "revoke", id, None)

    def public(self) -> KeyRing:
        """Return a ring with the public keys, for who shall verify signatures.

        Returns
        -------
        KeyRing
            The Ed25519 keys without their secrets. Other keys are left out.
        """
        ring = object.__new__(type(self))
        ring._keys = _keys_change(self._keys, "public", None, None)
        return ring

    def __iter__(self) -> Iterator[Key]:
        facts, _ = _keys_facts(self._keys, False)
        return iter([Key._of(_keys_change(self._keys, "only", fact[0], None)) for fact in facts])

    def __len__(self) -> int:
        return len(_keys_facts(self._keys, False)[0])

    def __contains__(self, id: object) -> bool:
        return any(fact[0] == id for fact in _keys_facts(self._keys, False)[0])

    def __getitem__(self, id: str) -> Key:
        if id not in self:
            raise KeyError(id)
        return Key._of(_keys_change(self._keys, "only", id, None))

    def __repr__(self) -> str:
        return f"<brinery.KeyRing of {len(self)}: {', '.join(key.id for key in self)}>"

    def __copy__(self) -> KeyRing:
        ring = object.__new__(type(self))
        ring._keys = self._keys
        return ring

    def __deepcopy__(self, memo: object) -> KeyRing:
        return self.__copy__()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key ring is not pickled: it would be readable; write it to a file with save()")
