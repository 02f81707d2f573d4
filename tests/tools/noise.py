# SPDX-License-Identifier: GPL-2.0-or-later
"""The sealed wire once more, for fake machines and fake servers: written from docs/protocol.md
and the Noise specification (revision 34), not from wire/*.c, so that each can prove the other.

    datagram, handshake = hello_seal(message, server_public, psk)      a machine
    message, keys = answer_open(handshake, datagram)

    message, handshake = hello_open(datagram, server_private, psk)     a server
    datagram, keys = answer_seal(handshake, message)

    keys.seal(message) -> datagram, keys.open(datagram) -> message     both

Keys are 32 bytes each.  Whatever must not pass raises Refused.
"""
import hashlib
import hmac
import os
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MAGIC, VERSION = 0x5057444E, 3
HELLO, READ, DATA, DONE, GIVE, TAKE = 1, 2, 3, 4, 6, 7
PLAIN, SEALED, HANDSHAKE = 0, 0x40, 0x80
FORMS = {PLAIN: {HELLO, READ, DATA, DONE, GIVE, TAKE}, SEALED: {READ, DATA, DONE, GIVE, TAKE},
         HANDSHAKE: {HELLO, READ, DONE}}
HEADER = struct.Struct("<IBBHQQ")
TAG, KEY, ID = 16, 32, 8
OVERHEAD = {PLAIN: 0, SEALED: TAG, HANDSHAKE: HEADER.size + KEY + ID + TAG}
DATAGRAM_MAX = 1472
WINDOW = 1984  # what every receiver can still tell, below the highest seq


class Refused(Exception):
    """A datagram that must not pass."""


# --- Noise ---------------------------------------------------------------


def public(private):
    key = X25519PrivateKey.from_private_bytes(private).public_key()
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def dh(private, point):
    try:
        return X25519PrivateKey.from_private_bytes(private).exchange(
            X25519PublicKey.from_public_bytes(point))
    except ValueError as error:  # all zero
        raise Refused("a public key of small order") from error


def mac(key, text):
    return hmac.new(key, text, hashlib.sha256).digest()


def hkdf(chaining, material, count):
    secret, out = mac(chaining, material), [b""]
    for number in range(1, count + 1):
        out.append(mac(secret, out[-1] + bytes([number])))
    return out[1:]


def seal(key, nonce, ad, plain):
    return ChaCha20Poly1305(key).encrypt(struct.pack("<IQ", 0, nonce), plain, ad)


def unseal(key, nonce, ad, sealed):
    try:
        return ChaCha20Poly1305(key).decrypt(struct.pack("<IQ", 0, nonce), sealed, ad)
    except InvalidTag as error:
        raise Refused("the tag does not fit") from error


class Handshake:
    """Noise's SymmetricState, and the tokens of NK or (with a psk) NKpsk0."""

    def __init__(self, server_public, psk=None, prologue=b"", server_private=None):
        name = b"Noise_NK%s_25519_ChaChaPoly_SHA256" % (b"psk0" if psk else b"")
        self.hash = name.ljust(32, b"\0") if len(name) <= 32 else hashlib.sha256(name).digest()
        self.chaining, self.key, self.nonce = self.hash, None, 0
        self.psk, self.server_public, self.server_private = psk, server_public, server_private
        self.own = self.theirs = None  # ephemeral: private, public
        self.mix_hash(prologue)
        self.mix_hash(server_public)

    def mix_hash(self, data):
        self.hash = hashlib.sha256(self.hash + data).digest()

    def mix_key(self, material):
        self.chaining, self.key = hkdf(self.chaining, material, 2)
        self.nonce = 0

    def encrypt_and_hash(self, plain):
        sealed = seal(self.key, self.nonce, self.hash, plain)
        self.nonce += 1
        self.mix_hash(sealed)
        return sealed

    def decrypt_and_hash(self, sealed):
        plain = unseal(self.key, self.nonce, self.hash, sealed)
        self.nonce += 1
        self.mix_hash(sealed)
        return plain

    def token_psk(self):
        if self.psk:
            self.chaining, digest, self.key = hkdf(self.chaining, self.psk, 3)
            self.mix_hash(digest)
            self.nonce = 0

    def token_e(self, point):
        self.mix_hash(point)
        if self.psk:
            self.mix_key(point)

    def hello_write(self, payload, ephemeral=None):
        self.own = ephemeral or os.urandom(KEY)
        self.token_psk()
        self.token_e(public(self.own))
        self.mix_key(dh(self.own, self.server_public))
        return public(self.own), self.encrypt_and_hash(payload)

    def hello_read(self, point, sealed):
        self.theirs = point
        self.token_psk()
        self.token_e(point)
        self.mix_key(dh(self.server_private, point))
        return self.decrypt_and_hash(sealed)

    def answer_write(self, payload, ephemeral=None):
        self.own = ephemeral or os.urandom(KEY)
        self.token_e(public(self.own))
        self.mix_key(dh(self.own, self.theirs))
        return public(self.own), self.encrypt_and_hash(payload)

    def answer_read(self, point, sealed):
        self.token_e(point)
        self.mix_key(dh(self.own, point))
        return self.decrypt_and_hash(sealed)

    def split(self):
        """From the machine to the server, and back."""
        return hkdf(self.chaining, b"", 2)


# --- datagrams -----------------------------------------------------------


def outside(datagram):
    """Type, form, session and seq of a datagram of any form."""
    if not HEADER.size <= len(datagram) <= DATAGRAM_MAX:
        raise Refused("a length that no datagram has")
    magic, version, kind, length, session, seq = HEADER.unpack_from(datagram)
    form, kind = kind & 0xC0, kind & 0x3F
    if magic != MAGIC or version != VERSION or length != len(datagram) or not session:
        raise Refused("no header of ours")
    if kind not in FORMS.get(form, ()):
        raise Refused("a type that has not this form")
    # A handshake's message has a header of its own.
    if length < HEADER.size + OVERHEAD[form] or length > DATAGRAM_MAX - (TAG if not form else 0):
        raise Refused("a length that this form has not")
    return kind, form, session, seq


def header(message, form, seq=None):
    """The outer header that a plain message gets."""
    magic, version, kind, length, session, own_seq = HEADER.unpack_from(message)
    assert length == len(message) and kind & 0xC0 == PLAIN
    return HEADER.pack(magic, version, kind | form, length + OVERHEAD[form], session,
                       own_seq if seq is None else seq)


def psk_id(psk):
    return hashlib.sha256(b"netdump psk" + psk).digest()[:ID] if psk else bytes(ID)


def datagram_psk_id(datagram):
    """Whose key a HELLO was made with."""
    return datagram[HEADER.size + KEY : HEADER.size + KEY + ID]


def cut(datagram):
    """Header, ephemeral key, psk_id and sealed message of a handshake."""
    at = HEADER.size
    return (datagram[:at], datagram[at : at + KEY], datagram_psk_id(datagram),
            datagram[at + KEY + ID :])


def same_inside(datagram, message):
    """Length, type, session and seq of the message are those of the header outside."""
    kind, _, session, seq = outside(datagram)
    if HEADER.unpack_from(message) != (MAGIC, VERSION, kind, len(message), session, seq):
        raise Refused("inside is not what outside says")
    return message


def hello_seal(message, server_public, psk=None, ephemeral=None):
    head, name = header(message, HANDSHAKE), psk_id(psk)
    handshake = Handshake(server_public, psk, head + name)
    point, sealed = handshake.hello_write(message, ephemeral)
    return head + point + name + sealed, handshake


def hello_open(datagram, server_private, psk=None):
    kind, form, _, _ = outside(datagram)
    if form != HANDSHAKE or kind != HELLO:
        raise Refused("no HELLO in a handshake")
    head, point, name, sealed = cut(datagram)
    handshake = Handshake(public(server_private), psk, head + name, server_private)
    return same_inside(datagram, handshake.hello_read(point, sealed)), handshake


def answer_seal(handshake, message, ephemeral=None):
    point, sealed = handshake.answer_write(message, ephemeral)
    to_server, to_machine = handshake.split()
    return header(message, HANDSHAKE) + point + bytes(ID) + sealed, Keys(to_machine, to_server)


def answer_open(handshake, datagram):
    """A refused one leaves the handshake as it was, for the genuine answer."""
    kind, form, _, _ = outside(datagram)
    if form != HANDSHAKE or kind == HELLO:
        raise Refused("no answer in a handshake")
    _, point, name, sealed = cut(datagram)
    if any(name):
        raise Refused("an answer with a psk_id")
    before = dict(handshake.__dict__)
    try:
        message = same_inside(datagram, handshake.answer_read(point, sealed))
    except Refused:
        handshake.__dict__.update(before)
        raise
    to_server, to_machine = handshake.split()
    return message, Keys(to_server, to_machine)


class Keys:
    """One pair of keys, and what was sent and seen under them."""

    def __init__(self, send, receive):
        self.send, self.receive = send, receive
        self.sent_seq, self.highest, self.seen = 0, 0, set()

    def seal(self, message, seq=None):
        """seq: a test's own choice, else the next."""
        if seq is None:
            self.sent_seq += 1
            seq = self.sent_seq
        head = header(message, SEALED, seq)
        return head + seal(self.send, seq, head, message[HEADER.size :])

    def open(self, datagram):
        kind, form, session, seq = outside(datagram)
        if form != SEALED:
            raise Refused("not sealed")
        body = unseal(self.receive, seq, datagram[: HEADER.size], datagram[HEADER.size :])
        if seq == 0 or seq in self.seen or seq + WINDOW < self.highest:
            raise Refused("a replay")
        self.seen.add(seq)
        self.highest = max(self.highest, seq)
        return HEADER.pack(MAGIC, VERSION, kind, HEADER.size + len(body), session, seq) + body
