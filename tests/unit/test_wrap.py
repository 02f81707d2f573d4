# SPDX-License-Identifier: GPL-2.0-or-later
"""netdump-wrap: what it makes of a bzImage, and what it does not take.

Debian's own kernel is wrapped and entered in tests/guest/test_wrap.py.
"""

import os
import resource
import struct
import subprocess
import zlib

import pytest

import bzimage
from bzimage import SETUP_BYTES, WRAP, field, protected_mode, wrap

KERNEL = bytes(range(256)) * 16


def whole_kernel(image):
    """Without what follows it in the file."""
    return protected_mode(image)[:field(image, "syssize") * 16]


def is_wrapped_right(image, wrapped):
    """Jumps into what was appended, where the bytes are that they replace; the rest as it was."""
    kernel, new = whole_kernel(image), protected_mode(wrapped)
    part = new[len(kernel):]
    assert part.startswith(b"$NETDUMP-WRAPPED")
    entry32, entry64, distance = struct.unpack_from("<III", part, 16)
    assert distance == len(kernel)
    for at, entry, kept in (0, entry32, 28), (0x200, entry64, 36):
        assert new[at] == 0xE9
        assert at + 5 + struct.unpack_from("<i", new, at + 1)[0] == len(kernel) + entry
        assert part[kept:kept + 5] == kernel[at:at + 5]
        assert 44 <= entry < len(part)
    assert new[5:0x200] == kernel[5:0x200] and new[0x205:len(kernel)] == kernel[0x205:]
    assert field(wrapped, "syssize") * 16 == len(new)  # no signature that cannot hold
    assert field(wrapped, "init_size") >= max(len(new), field(image, "init_size"))
    assert zlib.crc32(wrapped) == 0xFFFFFFFF
    for name in "setup_sects", "alignment", "payload_offset", "payload_length", "protocol":
        assert field(wrapped, name) == field(image, name)


def test_a_made_up_kernel(tmp_path):
    image = bzimage.bzimage(KERNEL, tail=b"signature")
    status, said, wrapped = wrap(tmp_path, image)
    assert (status, said) == (0, "")
    is_wrapped_right(image, wrapped)


def test_one_that_needs_no_more_memory_than_its_file_gets_more(tmp_path):
    image = bzimage.bzimage(KERNEL, init_size=len(KERNEL))
    is_wrapped_right(image, wrap(tmp_path, image)[2])


def test_efi_does_not_take_it_for_a_program(tmp_path):
    _, _, wrapped = wrap(tmp_path, bzimage.bzimage(KERNEL))
    assert wrapped[:2] != b"MZ"
    assert field(wrapped, "xloadflags") == 0x7F & ~0x0C
    assert field(wrapped, "handover_offset") == 0


@pytest.mark.parametrize("image, why", [
    (b"", "no Linux bzImage"),
    (b"\x7fELF" * 1000, "no Linux bzImage"),
    (bzimage.bzimage(KERNEL, magic=b"hdrS"), "no Linux bzImage"),
    (bzimage.bzimage(KERNEL)[:0x267], "no Linux bzImage"),
    (bzimage.bzimage(KERNEL, protocol=0x20B), "boot protocol 2.11 is too old: 2.12 (Linux 3.8)"),
    (bzimage.bzimage(KERNEL, loadflags=0), "a zImage, not a bzImage"),
    (bzimage.bzimage(KERNEL, xloadflags=0x7E), "a kernel without a 64-bit entry"),
    (bzimage.bzimage(KERNEL)[:-1], "cut short"),
    (bzimage.bzimage(KERNEL[:0x200]), "cut short"),
    (bzimage.bzimage(KERNEL, syssize=0xFFFFFFFF), "cut short"),
])
def test_what_it_does_not_take(tmp_path, image, why):
    status, said, wrapped = wrap(tmp_path, image)
    assert (status, wrapped) == (1, None)
    assert said.startswith(f"netdump-wrap: {tmp_path}/vmlinuz: {why}"), said


def test_twice_is_once_too_often(tmp_path):
    _, _, wrapped = wrap(tmp_path, bzimage.bzimage(KERNEL))
    status, said, again = wrap(tmp_path, wrapped)
    assert (status, again) == (1, wrapped)
    assert said.endswith(": wrapped already\n")


def test_files_that_are_not_there_or_not_the_stub(tmp_path):
    image = bzimage.bzimage(KERNEL)
    status, said, _ = wrap(tmp_path, image, "--part", str(tmp_path / "none"))
    assert (status, said) == (1, f"netdump-wrap: {tmp_path}/none: No such file or directory\n")
    status, said, _ = wrap(tmp_path, image, "--part", str(tmp_path / "vmlinuz"))
    assert (status, said) == (1, f"netdump-wrap: {tmp_path}/vmlinuz: not the stub that belongs "
                                 "here\n")
    done = subprocess.run([WRAP, str(tmp_path / "vmlinuz"), str(tmp_path / "no" / "where")],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "No such file or directory" in done.stderr
    assert sorted(os.listdir(tmp_path)) == ["vmlinuz"]


def test_a_file_without_room_is_named_and_nothing_stays(tmp_path):
    (tmp_path / "vmlinuz").write_bytes(bzimage.bzimage(KERNEL))
    done = subprocess.run([WRAP, str(tmp_path / "vmlinuz"), str(tmp_path / "out")],
                          capture_output=True, text=True, check=False,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512)))
    assert (done.returncode, done.stderr) == (1, f"netdump-wrap: {tmp_path}/out: File too large\n")
    assert os.listdir(tmp_path) == ["vmlinuz"]


def test_its_command_line():
    def status(*words):
        return subprocess.run([WRAP, *words], capture_output=True, check=False).returncode

    assert status("--help") == 0
    assert status() == status("one") == 2


def test_the_set_up_code_stays(tmp_path):
    image = bzimage.bzimage(KERNEL)
    _, _, wrapped = wrap(tmp_path, image)
    different = {at for at in range(SETUP_BYTES) if image[at] != wrapped[at]}
    assert different <= {0, 1, *range(0x1F4, 0x1F8), *range(0x236, 0x238), *range(0x264, 0x268)}
