# SPDX-License-Identifier: GPL-2.0-or-later
"""What a level leaves out: exactly that, or nothing."""
import hashlib
import json
import os
import subprocess

import pytest

from conftest import BUILD, assert_right, loads, until
from fakeimage import linux_image, PAGE
from fakemachine import Faults

COMPLETE = 0
CACHE, CACHE_PRIVATE, USER, FREE = 2, 4, 8, 16
HIGH = (1 << 32) // PAGE  # the image has 1 MiB there
# The image's crash reservation begins at page 0x600, its kernel has pages 0x200 to 0x300.
USES = {0x20: "cache", 0x21: "private", 0x100: 6, 0x150: "user", 0x152: "user", 0x153: "cache",
        0x340: 5, 0x380: "private", 0x381: "cache", HIGH + 16: 4, HIGH + 0xFF: "user"}


def left_out(level, uses=USES):
    """Pages, by number, that the level does without."""
    bits = {"cache": CACHE | CACHE_PRIVATE, "private": CACHE_PRIVATE, "user": USER}
    return {page + i for page, use in uses.items()
            if level & (FREE if isinstance(use, int) else bits[use])
            for i in range(1 << use if isinstance(use, int) else 1)}


def assert_left_out(server, path, image, out):
    """What is left out is in no extent, and all else is there and right."""
    folder = server.dir / path
    found, _ = loads(folder / "vmcore")
    seen = {}
    with open(folder / "vmcore", "rb") as core:
        for offset, vaddr, paddr, size, in_memory in found:
            assert size == in_memory and size
            source, first = next((s + paddr - p, p) for s, p, v, n in image.loads
                                 if p <= paddr < p + n and v - p == vaddr - paddr)
            core.seek(offset)
            assert core.read(size) == image.read(source, size), hex(paddr)
            pages = range(paddr // PAGE, -(-(paddr + size) // PAGE))
            seen.setdefault((first, vaddr - paddr), set()).update(pages)
    for _, p, v, n in image.loads:
        whole = set(range(p // PAGE, -(-(p + n) // PAGE)))
        assert seen[(p, v - p)] == whole - out
    info = server.info(path)
    assert info["status"] == "complete" and not info["missing"] and not info["notes"]
    assert info["excluded_pages"] == len(out)
    assert info["sha256"] == hashlib.sha256((folder / "vmcore").read_bytes()).hexdigest()


@pytest.mark.parametrize("level", [1, 2, 4, 8, 16, 31])
def test_a_level_leaves_out_its_own(serve, machine, level):
    server, image = serve("--level", str(level)), linux_image(level, uses=USES)
    assert machine(server, image, level).run().status == COMPLETE
    path, = server.dumps()
    assert_left_out(server, path, image, left_out(level))
    assert server.info(path)["level"] == level
    assert (server.dir / path / "dmesg.txt").read_text() == image.log


def test_31_is_what_is_meant_without_a_word(serve, machine):
    server, image = serve(), linux_image(3, uses=USES)
    assert machine(server, image, 3, faults=Faults(3, loss=0.1, duplicate=0.1)).run().status \
        == COMPLETE
    assert_left_out(server, server.dumps()[0], image, left_out(31))


def test_level_0_leaves_out_nothing(serve, machine):
    server, image = serve("--level", "0"), linux_image(4, uses=USES)
    assert machine(server, image, 4).run().status == COMPLETE
    path, = server.dumps()
    assert_right(server, path, image)
    assert server.info(path)["level"] is None and not server.info(path)["notes"]


@pytest.mark.parametrize("uses, why", [
    ({**USES, 0x100: 11}, "damaged"),       # free pages of an order that there is not
    ({**USES, 0x161: 4}, "damaged"),        # that begin where they cannot
    ({**USES, 0x200: 9}, "damaged"),        # the kernel itself
    (None, "VMCOREINFO does not describe"),
])
def test_who_is_not_believed_gets_all_pages(serve, machine, uses, why):
    server, image = serve(), linux_image(5, uses=uses)
    assert machine(server, image, 5).run().status == COMPLETE
    path, = server.dumps()
    assert_right(server, path, image)
    info = server.info(path)
    assert info["notes"].startswith("all pages: ") and why in info["notes"]
    assert info["level"] is None and info["excluded_pages"] == 0


def test_page_structures_that_are_not_there_give_all_pages(serve, machine):
    image = linux_image(6, uses=USES)
    image.write(image.sections + 0x8000, bytes(8))        # of low memory
    image.write(image.sections + 0x8000 + 32 * 32, b"\x01" * 8)  # of high memory: nowhere
    server = serve()
    assert machine(server, image, 6).run().status == COMPLETE
    path, = server.dumps()
    assert_right(server, path, image)
    assert "cannot be read" in server.info(path)["notes"]


@pytest.mark.parametrize("level", [0, FREE])
def test_the_kernels_memory_comes_before_the_rest(serve, machine, level):
    """The level's own is not there at all; of the others each page comes in its turn, right."""
    server, image = serve("--level", str(level), "--map", "0"), linux_image(9, uses=USES)
    one = machine(server, image, 9)
    asked = []
    one.on_read = lambda read: asked.extend(page for phys, count, _ in read.extents
                                            for page in range(phys // PAGE, phys // PAGE + count))
    assert one.run().status == COMPLETE
    path, = server.dumps()
    assert_left_out(server, path, image, left_out(level))
    rest = left_out(31) - left_out(level) - {0x20, 0x21}  # low memory is read from its copy
    first = min(asked.index(page) for page in rest)
    assert rest and set(asked[first:]) == rest
    assert server.info(path)["reasked_chunks"] == 0  # none was read back too early
    structs = {image.structs[number] // PAGE for _, paddr, _, size in image.loads
               for number in range(paddr // PAGE, (paddr + size) // PAGE)}
    assert max(map(asked.index, structs)) < min(asked.index(page) for page in range(0x160, 0x170))


def test_a_restart_knows_what_was_for_later(serve, machine):
    image = linux_image(10, mib=24, zero=0.1, uses={0x900 + i * 32: 4 for i in range(100)})
    server = serve("--level", "0", "--map", "0")
    one = machine(server, image, 10)
    one.limit = 2500
    one.run()
    until(lambda: (server.dir / server.dumps()[0] / "map.json").exists())
    server.kill()
    server = serve("--level", "0", "--map", "0", port=server.address[1])
    one.limit = one.done = None
    one.reads.clear()
    assert one.run().status == COMPLETE
    path, = server.dumps()
    assert_right(server, path, image)
    assert server.info(path)["resumed"] == 1


def test_a_dump_that_is_cut_there_has_a_file(serve, machine):
    """The machine goes when it is asked for page structures."""
    server, image = serve("--silence", "1"), linux_image(7, uses=USES)
    one = machine(server, image, 7)
    wanted = {frame // PAGE for frame in image.structs.values()}

    def on_read(read):
        if any(set(range(phys // PAGE, phys // PAGE + n)) & wanted for phys, n, _ in read.extents):
            one.limit = 1

    one.on_read = on_read
    one.run()
    until(lambda: "fell silent" in server.text())
    until(lambda: "incomplete: " + server.dumps()[0] in server.text())
    path, = server.dumps()
    assert path.endswith(".partial") and server.info(path)["missing"]
    found, notes = loads(server.dir / path / "vmcore")
    assert len(found) == len(image.loads) and b"OSRELEASE=" in notes
    with open(server.dir / path / "vmcore", "rb") as core:  # what the log was read from is there
        core.seek(found[0][0] + 0x20000)
        assert core.read(PAGE) == image.read(image.loads[0][0] + 0x20000, PAGE)
    done = subprocess.run([os.path.join(BUILD, "netdumpctl"), "--dir", str(server.dir), "verify",
                           path.rsplit("-", 1)[1].split(".")[0]], capture_output=True, text=True,
                          check=False)
    assert "Sanitizer" not in done.stderr
    assert json.loads((server.dir / path / "map.json").read_text())["missing"]


@pytest.mark.parametrize("level", [31, 2], ids=["same", "another"])
def test_a_restart_goes_on_with_what_is_there(serve, machine, level):
    """Under another level the file is another: it starts over."""
    image = linux_image(8, mib=24, zero=0.1, uses=USES)
    server = serve("--map", "0")
    one = machine(server, image, 8)
    one.limit = 1500
    one.run()
    until(lambda: (server.dir / server.dumps()[0] / "map.json").exists())
    server.kill()
    server = serve("--map", "0", "--level", str(level), port=server.address[1])
    one.limit = one.done = None
    one.reads.clear()
    assert one.run().status == COMPLETE
    path, = server.dumps()
    info = server.info(path)
    if level == 31:
        assert_left_out(server, path, image, left_out(31))
        assert info["resumed"] == 1
    else:
        assert info["notes"].startswith("started over") and info["excluded_pages"] == len(
            left_out(level))


def test_of_a_machine_that_xen_runs_nothing_is_left_out(serve, machine):
    """Page structures number the domain's memory; the log is found by Xen's note all the same."""
    server, image = serve("--level", "31"), linux_image(12, uses=USES, xen=True)
    assert machine(server, image, 12).run().status == COMPLETE
    path, = server.dumps()
    assert_right(server, path, image)
    info = server.info(path)
    assert info["xen"] == "4.17.7-fake" and info["level"] is None
    assert info["notes"] == "all pages: what the domains of Xen have is not told apart"
    assert info["panic"].startswith("Kernel panic")
