"""Make the test vectors from the page docs/concepts/seal.md alone, without brinery.

    pip install blake3 cryptography pynacl argon2-cffi
    python generate.py

Each file has blocks of lines ``name: value``, a blank line between them; bytes are hexadecimal. Long contents are
``pattern N``: N bytes, the one at position i being (i * 31 + i // 251) % 256. Long envelopes are given by their SHA-256.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from pathlib import Path

import blake3
import nacl.bindings
from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HERE = Path(__file__).parent
ALGORITHMS = {"hmac-sha256": 1, "blake3": 2, "ed25519": 3, "xchacha20-poly1305": 4, "password": 5}
COST = (8192, 2, 2)


def pattern(length: int) -> bytes:
    return bytes((i * 31 + i // 251) % 256 for i in range(length))


@dataclass
class Case:
    algorithm: str
    name: str
    content: bytes
    ids: list[str]
    purpose: str = "vector"
    created: int = 1_790_000_000
    expires: int | None = None
    policy: bytes | None = None
    salt: bytes = b""
    secrets: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        seed = f"{self.algorithm}/{self.name}".encode()
        self.salt = hashlib.sha256(b"salt " + seed).digest()
        if self.algorithm == "password":
            self.secrets = ["correct horse battery staple, é".encode()]
        else:
            self.secrets = [hashlib.sha256(b"secret " + i.encode() + seed).digest() for i in self.ids]

    def core(self) -> bytes:
        flags = (self.expires is not None) | (self.policy is not None) << 1
        purpose = self.purpose.encode()
        cost = COST if self.algorithm == "password" else (0, 0, 0)
        core = b"\xf5BSEAL\r\n" + bytes([1, ALGORITHMS[self.algorithm], flags, len(purpose)]) + self.salt
        core += self.created.to_bytes(8, "little", signed=True)
        core += (self.expires or 0).to_bytes(8, "little", signed=True)
        core += self.policy or bytes(32)
        core += b"".join(number.to_bytes(4, "little") for number in cost)
        assert len(core) == 104
        return core + purpose

    def locks(self) -> list:
        """A function for the header's tag and one for the chunks, for each key."""
        locks = []
        for key_id, secret in zip(self.ids, self.secrets):
            context = self.core() + bytes([len(key_id)]) + key_id.encode()
            header, body = b"brinery-seal/1 header\0" + context, b"brinery-seal/1 body\0" + context
            if self.algorithm == "ed25519":
                key = Ed25519PrivateKey.from_private_bytes(secret)
                start = b"brinery-seal/1 chunk\0" + blake3.blake3(context).digest()

                def signed(place: bytes, content: bytes, key=key, start=start) -> tuple[bytes, bytes]:
                    return content, key.sign(start + place + blake3.blake3(content).digest())

                locks.append((key.sign(header), signed))
            elif self.algorithm in ("hmac-sha256", "blake3"):

                def mac(key: bytes, text: bytes) -> bytes:
                    if self.algorithm == "blake3":
                        return blake3.blake3(text, key=key).digest()
                    return hmac.new(key, text, "sha256").digest()

                def tagged(place: bytes, content: bytes, key=mac(secret, body)) -> tuple[bytes, bytes]:
                    return content, mac(key, content + place)

                locks.append((mac(secret, header), tagged))
            else:
                if self.algorithm == "password":
                    memory, passes, lanes = COST
                    secret = hash_secret_raw(secret, self.salt, passes, memory, lanes, 32, Type.ID, 0x13)

                def encrypted(place: bytes, content: bytes, key=hmac.digest(secret, body, "sha256")):
                    index, last = int.from_bytes(place[:8], "little"), place[8:]
                    nonce = bytes(15) + index.to_bytes(8, "big") + last
                    both = nacl.bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(content, None, nonce, key)
                    return both[:-16], both[-16:]

                locks.append((hmac.digest(secret, header, "sha256"), encrypted))
        return locks

    def sealed(self) -> bytes:
        locks = self.locks()
        out = self.core() + bytes([len(self.ids)])
        out += b"".join(bytes([len(i)]) + i.encode() for i in self.ids)
        out += b"".join(tag for tag, _ in locks)
        chunks = [self.content[i : i + 65536] for i in range(0, len(self.content), 65536)] or [b""]
        for index, content in enumerate(chunks):
            last = index == len(chunks) - 1
            place = index.to_bytes(8, "little") + bytes([last])
            done = [lock(place, content) for _, lock in locks]
            out += (
                (len(content) | last << 31).to_bytes(4, "little")
                + done[0][0]
                + b"".join(tag for _, tag in done)
            )
        return out

    def lines(self) -> str:
        sealed = self.sealed()
        short = len(self.content) < 100
        lines = {
            "name": self.name,
            "algorithm": self.algorithm,
            "ids": " ".join(self.ids),
            "secrets": " ".join(secret.hex() for secret in self.secrets),
        }
        if self.algorithm == "ed25519":
            keys = [Ed25519PrivateKey.from_private_bytes(secret).public_key() for secret in self.secrets]
            lines["public"] = " ".join(key.public_bytes_raw().hex() for key in keys)
        if self.algorithm == "password":
            lines["cost"] = " ".join(map(str, COST))
        lines |= {
            "purpose": self.purpose,
            "salt": self.salt.hex(),
            "created": str(self.created),
            "expires": str(self.expires) if self.expires is not None else "never",
            "policy": self.policy.hex() if self.policy else "none",
            "content": self.content.hex() if short else f"pattern {len(self.content)}",
            "length": str(len(sealed)),
            "sha256": hashlib.sha256(sealed).hexdigest(),
        }
        if short:
            lines["sealed"] = sealed.hex()
        return "".join(f"{name}: {value}".rstrip() + "\n" for name, value in lines.items())


def cases(algorithm: str) -> list[Case]:
    ids = ["k1"]
    found = [
        Case(algorithm, "empty", b"", ids),
        Case(algorithm, "short", b"\x80\x05]\x94(K\x01K\x02K\x03e.", ids, purpose="checkpoint"),
        Case(
            algorithm,
            "every-field",
            b"content",
            ["build-server@2026_a.b"],
            purpose="Größe und Zweck",
            expires=1_790_003_600,
            policy=hashlib.sha256(b"policy").digest(),
        ),
        Case(algorithm, "before-1970", b"content", ids, created=-1, expires=0),
        Case(algorithm, "one-full-chunk", pattern(65536), ids),
        Case(algorithm, "one-byte-more", pattern(65537), ids),
        Case(algorithm, "four-chunks", pattern(3 * 65536 + 1000), ids),
    ]
    if algorithm == "ed25519":
        found.append(Case(algorithm, "three-signers", b"content", ["alice", "bob", "carol"]))
        found.append(Case(algorithm, "two-signers-two-chunks", pattern(70000), ["alice", "bob"]))
    return found


if __name__ == "__main__":
    for algorithm in ALGORITHMS:
        text = "\n".join(case.lines() for case in cases(algorithm))
        (HERE / f"{algorithm}.txt").write_text(text, encoding="utf-8")
