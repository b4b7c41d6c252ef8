"""AES in CFB mode, which is how Grafana seals secrets, in plain Python: the image has no cryptographic library.

Slow, and open to whoever can time it: it guards nothing here, it reads and writes what a real server wrote and will read.
"""


def _multiplied(value: int, by: int) -> int:
    """A product in AES's field of 256 elements."""
    product = 0
    while by:
        product ^= value if by & 1 else 0
        value = (value << 1) ^ (0x11B if value & 0x80 else 0)
        by >>= 1
    return product


def _boxes() -> bytes:
    """The substitution box: each element's inverse, turned and summed."""
    inverse = [0] * 256
    for one in range(1, 256):
        if not inverse[one]:
            other = next(value for value in range(1, 256) if _multiplied(one, value) == 1)
            inverse[one], inverse[other] = other, one
    return bytes(
        0x63 ^ value ^ _turned(value, 1) ^ _turned(value, 2) ^ _turned(value, 3) ^ _turned(value, 4) for value in inverse
    )


def _turned(value: int, by: int) -> int:
    return (value << by | value >> (8 - by)) & 0xFF


_BOX = _boxes()
_TWICE = bytes(_multiplied(value, 2) for value in range(256))
_SHIFTED = (0, 5, 10, 15, 4, 9, 14, 3, 8, 13, 2, 7, 12, 1, 6, 11)


def _round_keys(key: bytes) -> list[bytes]:
    words, length, factor = [key[at : at + 4] for at in range(0, len(key), 4)], len(key) // 4, 1
    for number in range(length, 4 * (length + 7)):
        word = words[-1]
        if number % length == 0:
            word = bytes(_BOX[byte] for byte in word[1:] + word[:1])
            word = bytes([word[0] ^ factor]) + word[1:]
            factor = _multiplied(factor, 2)
        elif length > 6 and number % length == 4:
            word = bytes(_BOX[byte] for byte in word)
        words.append(bytes(one ^ other for one, other in zip(word, words[-length], strict=True)))
    return [b"".join(words[at : at + 4]) for at in range(0, len(words), 4)]


def _block(keys: list[bytes], block: bytes) -> bytes:
    state = bytes(one ^ other for one, other in zip(block, keys[0], strict=True))
    for number, key in enumerate(keys[1:], 1):
        state = bytes(_BOX[state[at]] for at in _SHIFTED)
        if number < len(keys) - 1:
            mixed = bytearray()
            for at in range(0, 16, 4):
                a, b, c, d = state[at : at + 4]
                every = a ^ b ^ c ^ d
                mixed += bytes(
                    (a ^ every ^ _TWICE[a ^ b], b ^ every ^ _TWICE[b ^ c], c ^ every ^ _TWICE[c ^ d], d ^ every ^ _TWICE[d ^ a])
                )
            state = bytes(mixed)
        state = bytes(one ^ other for one, other in zip(state, key, strict=True))
    return state


def cfb(key: bytes, iv: bytes, text: bytes, *, sealing: bool) -> bytes:
    """Encrypt or decrypt with a key of 16, 24 or 32 bytes and an iv of 16."""
    keys, before, done = _round_keys(key), iv, bytearray()
    for at in range(0, len(text), 16):
        block = text[at : at + 16]
        made = bytes(one ^ other for one, other in zip(block, _block(keys, before), strict=False))
        done += made
        before = made if sealing else block
    return bytes(done)
