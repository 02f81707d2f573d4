# SPDX-License-Identifier: GPL-2.0-or-later
"""The memory of a machine that crashed, made up: what a fake machine serves.

image = linux_image(seed) has RAM with zero, compressible and random pages, an ELF core
header as kexec-tools leaves it, crash notes, VMCOREINFO, page tables and a printk ring
whose arrays are scattered over physical memory.
"""
import random
import struct

PAGE = 4096
ZERO_PAGE = bytes(PAGE)
KERNEL_MAP = 0xFFFFFFFF80000000
VMALLOC = 0xFFFFC90000000000
VMEMMAP = 0xFFFFEA0000000000

PT_LOAD, PT_NOTE = 1, 4
RAM, GATE, UNDI, DINI = 1, 2, 3, 4


class Image:
    """Sparse physical memory: pages that nobody wrote are zero."""

    def __init__(self):
        self.pages = {}
        self.ranges = []  # (phys, bytes, kind)
        self.loads = []  # (source phys, paddr, vaddr, bytes)
        self.cpus = 0
        self.elfcorehdr = 0
        self.log = ""
        self.release = ""

    def page(self, number):
        return self.pages.get(number, ZERO_PAGE)

    def write(self, phys, data):
        while data:
            number, offset = divmod(phys, PAGE)
            part = data[: PAGE - offset]
            old = self.page(number)
            new = old[:offset] + part + old[offset + len(part) :]
            self.pages[number] = new
            phys += len(part)
            data = data[len(part) :]

    def read(self, phys, count):
        out = bytearray()
        while count:
            number, offset = divmod(phys, PAGE)
            part = self.page(number)[offset : offset + count]
            out += part
            phys += len(part)
            count -= len(part)
        return bytes(out)

    def is_ram(self, number):
        start = number * PAGE
        return any(k == RAM and start + PAGE > p and start < p + b for p, b, k in self.ranges)


def note(name, kind, desc):
    name += b"\0"
    pad = lambda b: b + bytes(-len(b) % 4)
    return struct.pack("<III", len(name), len(desc), kind) + pad(name) + pad(desc)


def elf_header(phdrs, phentsize=56, machine=62, kind=4):
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    head = ident + struct.pack(
        "<HHIQQQIHHHHHH", kind, machine, 1, 0, 64, 0, 0, 64, phentsize, len(phdrs), 0, 0, 0
    )
    return head + b"".join(
        struct.pack("<IIQQQQQQ", t, 7, off, vaddr, paddr, filesz, memsz, 0)
        for t, off, vaddr, paddr, filesz, memsz in phdrs
    )


class PageTables:
    def __init__(self, image, root, pool):
        self.image, self.root, self.pool = image, root, pool

    def map(self, virt, phys, large=False):
        table = self.root
        for shift in (39, 30, 21, 12):
            at = table + (virt >> shift & 511) * 8
            if shift == 12 or (shift == 21 and large):
                self.image.write(at, struct.pack("<Q", phys | (0x1E3 if large else 0x163)))
                return
            (entry,) = struct.unpack("<Q", self.image.read(at, 8))
            if not entry:
                entry = self.pool.pop() | 0x63
                self.image.write(at, struct.pack("<Q", entry))
            table = entry & 0xFFFFFFFFFF000


def log_records(seed, count):
    rng = random.Random(seed)
    lines = [f"Linux version 6.1.0-fake (seed {seed})", "Command line: netdump=0x9f000"]
    while len(lines) < count - 5:
        lines.append("driver %d: %s" % (len(lines), "x" * rng.randrange(0, 90)))
    lines += ["two lines\nof one record", "sysrq: Trigger a crash",
              "BUG: an oops that is not the reason",
              "Kernel panic - not syncing: sysrq triggered crash",
              "---[ end Kernel panic - not syncing: sysrq triggered crash ]---"]
    return [(1000000 * i * 7 + 123456789, line) for i, line in enumerate(lines)]


def ring_bytes(records, count_bits, text_bits, first_id=5):
    """The three arrays of a printk ring, as Linux 6.1 lays them out."""
    count, size = 1 << count_bits, 1 << text_bits
    descs, infos, text = bytearray(24 * count), bytearray(88 * count), bytearray(size)
    lpos = 3 * size  # some laps were run before
    first_lpos = lpos
    blocks = []
    for number, (ts_ns, line) in enumerate(records):
        raw = line.encode()
        want = 8 + len(raw) + (-len(raw) % 8)
        begin = lpos
        if begin // size != (begin + want) // size and (begin + want) % size:
            end = (begin // size + 1) * size + want  # wraps: the data starts at 0
            at = 0
        else:
            end, at = begin + want, begin % size
        blocks.append((number, begin, end, at, ts_ns, raw))
        lpos = end
    while blocks and lpos - blocks[0][1] > size:
        blocks.pop(0)
    blocks = blocks[-count + 1 :]
    for number, begin, end, at, ts_ns, raw in blocks:
        ident = first_id + number
        text[at : at + 8 + len(raw)] = struct.pack("<Q", ident) + raw
        struct.pack_into("<QQQ", descs, ident % count * 24, 2 << 62 | ident, begin, end)
        struct.pack_into("<QQHBBI", infos, ident % count * 88, number, ts_ns, len(raw), 0, 0, 0)
    tail, head = first_id + blocks[0][0], first_id + blocks[-1][0]
    assert first_lpos >= size
    return descs, infos, text, tail, head, [(b[4], b[5].decode()) for b in blocks]


def ring_of_one_text(count_bits, text_bits):
    """A damaged ring: every record has the same text, 8 KiB of ends of lines."""
    count, size = 1 << count_bits, 1 << text_bits
    descs, infos, text = bytearray(24 * count), bytearray(88 * count), bytearray(size)
    text[8 : 8 + 8192] = b"\n" * 8192
    for ident in range(count, 2 * count):
        struct.pack_into("<QQQ", descs, ident % count * 24, 2 << 62 | ident, 4 * size,
                         4 * size + 8 + 8192)
        struct.pack_into("<QQHBBI", infos, ident % count * 88, ident, 1, 8192, 0, 0, 0)
    return descs, infos, text, count, 2 * count - 1, []


VMCOREINFO = """OSRELEASE={release}
PAGESIZE=4096
SYMBOL(swapper_pg_dir)={pgd:x}
NUMBER(phys_base)={phys_base}
NUMBER(pgtable_l5_enabled)=0
SYMBOL(prb)={prb:x}
SIZE(printk_ringbuffer)=88
OFFSET(printk_ringbuffer.desc_ring)=0
OFFSET(printk_ringbuffer.text_data_ring)=48
OFFSET(printk_ringbuffer.fail)=80
SIZE(prb_desc_ring)=48
OFFSET(prb_desc_ring.count_bits)=0
OFFSET(prb_desc_ring.descs)=8
OFFSET(prb_desc_ring.infos)=16
OFFSET(prb_desc_ring.head_id)=24
OFFSET(prb_desc_ring.tail_id)=32
SIZE(prb_desc)=24
OFFSET(prb_desc.state_var)=0
OFFSET(prb_desc.text_blk_lpos)=8
SIZE(prb_data_blk_lpos)=16
OFFSET(prb_data_blk_lpos.begin)=0
OFFSET(prb_data_blk_lpos.next)=8
SIZE(printk_info)=88
OFFSET(printk_info.seq)=0
OFFSET(printk_info.ts_nsec)=8
OFFSET(printk_info.text_len)=16
OFFSET(printk_info.caller_id)=20
OFFSET(printk_info.dev_info)=24
SIZE(prb_data_ring)=32
OFFSET(prb_data_ring.size_bits)=0
OFFSET(prb_data_ring.data)=8
OFFSET(prb_data_ring.head_lpos)=16
OFFSET(prb_data_ring.tail_lpos)=24
SIZE(atomic_long_t)=8
OFFSET(atomic_long_t.counter)=0
KERNELOFFSET=0
CRASHTIME=1700000000
"""


def dmesg_text(records):
    out = []
    for ts_ns, line in records:
        us = ts_ns // 1000
        for part in line.split("\n"):
            out.append("[%5d.%06d] %s\n" % (us // 1000000, us % 1000000, part))
    return "".join(out)


def fill(image, rng, first, last, zero, compressible):
    for number in range(first, last):
        if number in image.pages:
            continue
        draw = rng.random()
        if draw < zero:
            continue
        if draw < zero + compressible:
            image.pages[number] = (rng.randbytes(16) * 256)[:PAGE]
        else:
            image.pages[number] = rng.randbytes(PAGE)


def put_ring(image, rng, tables, frames, ring, count_bits, text_bits):
    """Ring arrays at scattered frames; returns the ring's own structure."""
    descs, infos, text, tail, head, kept = ring
    virt, where, mapped = VMALLOC + 0x100, [], {}
    for array in (descs, infos, text):
        where.append(virt)
        end = virt + len(array)
        for page in range(virt // PAGE, (end + PAGE - 1) // PAGE):
            if page not in mapped:
                frame = frames.pop(rng.randrange(len(frames)))
                mapped[page] = frame
                tables.map(page * PAGE, frame)
        at = virt
        while array:
            frame = mapped[at // PAGE]
            part = array[: PAGE - at % PAGE]
            image.write(frame + at % PAGE, bytes(part))
            at, array = at + len(part), array[len(part) :]
        virt = end + 0x40
    image.log = dmesg_text(kept)
    return struct.pack("<I4xQQQQ8xI4xQQQ8x", count_bits, where[0], where[1], head, tail,
                       text_bits, where[2], 0, 0)


STRUCTS_INFO = """SYMBOL(mem_section)={sections:x}
LENGTH(mem_section)=4096
SIZE(mem_section)=32
OFFSET(mem_section.section_mem_map)=0
NUMBER(SECTION_SIZE_BITS)=27
SIZE(page)=64
OFFSET(page.flags)=0
OFFSET(page._mapcount)=48
OFFSET(page.mapping)=24
OFFSET(page.private)=40
OFFSET(page.compound_dtor)=16
OFFSET(page.compound_order)=17
OFFSET(page.compound_head)=8
LENGTH(zone.free_area)=11
NUMBER(PG_lru)=4
NUMBER(PG_private)=13
NUMBER(PG_swapcache)=10
NUMBER(PG_swapbacked)=19
NUMBER(PG_slab)=9
NUMBER(PG_hwpoison)=23
NUMBER(PG_head_mask)=65536
NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-129
NUMBER(HUGETLB_PAGE_DTOR)=2
NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)=-257
"""
LRU, PRIVATE = 1 << 4, 1 << 13
# struct page: flags, compound_head, mapping, private, _mapcount
PAGE_STRUCT = struct.Struct("<QQ8xQ8xQi12x")


def page_struct(use):
    """What a page structure says: "cache", "private" (cache), "user", or the order of what is free."""
    if isinstance(use, int):
        return PAGE_STRUCT.pack(0, 0, 0, use, -129)
    flags = LRU | (PRIVATE if use == "private" else 0)
    return PAGE_STRUCT.pack(flags, 0, 0x1001 if use == "user" else 0x1000, 0, 0)


def put_structs(image, uses, sections, virt, tables, frames):
    """mem_section at `sections`, and the page structures of all RAM below 16 GiB."""
    numbers = [n for p, b, k in image.ranges if k == RAM
               for n in range(p // PAGE, -(-(p + b) // PAGE))]
    image.write(sections, bytes(0x9000))
    image.write(sections, struct.pack("<Q", virt(sections + 0x8000)))
    for section in {n >> 15 for n in numbers}:
        image.write(sections + 0x8000 + section * 32, struct.pack("<Q", VMEMMAP | 0xd))
    frame = {}
    for number in numbers:
        at = VMEMMAP + number * 64
        if at // PAGE not in frame:
            frame[at // PAGE] = frames.pop()
            image.write(frame[at // PAGE], bytes(PAGE))
            tables.map(at // PAGE * PAGE, frame[at // PAGE])
        if number in uses:
            image.write(frame[at // PAGE] + at % PAGE, page_struct(uses[number]))
    image.structs = {number: frame[(VMEMMAP + number * 64) // PAGE] for number in numbers}
    image.sections = sections


def put_xen(image, at, domain_frame, frame):
    """Xen's crash note and a tree with one frame in it, on five pages; the note's program header."""
    extra, nodes = at + PAGE, [at + PAGE * 2, at + PAGE * 3, at + PAGE * 4]
    for node, shift, entry in zip(nodes, (18, 9, 0), [n // PAGE for n in nodes[1:]] + [frame]):
        image.write(node + (domain_frame >> shift & 511) * 8, struct.pack("<Q", entry))
    image.write(extra, b".7-fake\0")
    told = struct.pack("<10Q", 4, 17, extra, 0, 0, 0, 0, 0, 0, nodes[0] // PAGE)
    image.write(at, note(b"Xen", 0x1000001, told))
    return PT_NOTE, at, 0, 0, 0x400, 0x400


def linux_image(seed=1, mib=8, records=300, count_bits=9, text_bits=15, zero=0.5,
                compressible=0.3, cpus=2, ring=None, uses=None, xen=False):
    """A small Linux 6.1; ring: another log than ring_bytes() makes of `records`; uses: of pages,
    by number, as page_struct() has it: there are page structures then; xen: it is Xen's first
    domain, and has another number for its page table's frame than the machine."""
    assert mib >= 6, "the kernel, its ring and the crash reservation need room"
    rng = random.Random(seed)
    image = Image()
    top = mib << 20
    base = 2 << 20  # the kernel's own memory, mapped at KERNEL_MAP + 16 MiB
    phys_base = base - (16 << 20)
    image.ranges = [(0x1000, 0x9E400, RAM), (0x9F400, 0xC00, GATE), (1 << 20, top - (2 << 20), RAM),
                    (top - (1 << 20), 1 << 20, DINI), (1 << 32, 1 << 20, RAM)]
    crash = top - (2 << 20)  # the crash kernel's reservation: header, notes, backup
    image.elfcorehdr = crash + 0x1000
    backup = crash + 0x10000
    pool = [crash - PAGE * (i + 1) for i in range(16)]
    frames = [crash - PAGE * (20 + i) for i in range(120)]
    pgd = base + 0x10000
    tables = PageTables(image, pgd, pool)
    for i in range(2):
        tables.map(KERNEL_MAP + (16 << 20) + (i << 21), base + (i << 21), large=True)
    ring = put_ring(image, rng, tables, frames,
                    ring or ring_bytes(log_records(seed, records), count_bits, text_bits),
                    count_bits, text_bits)
    virt = lambda phys: phys - phys_base + KERNEL_MAP
    image.write(base + 0x20010, struct.pack("<Q", virt(base + 0x20100)))
    image.write(base + 0x20100, ring)
    image.release = "6.1.0-fake"
    domain_pgd = pgd + (4 << 20) if xen else pgd
    info = VMCOREINFO.format(release=image.release, pgd=virt(domain_pgd), phys_base=phys_base,
                             prb=virt(base + 0x20010))
    if uses is not None:
        put_structs(image, uses, base + 0x30000, virt, tables,
                    [crash - PAGE * (160 + i) for i in range(160)])
        info += STRUCTS_INFO.format(sections=virt(base + 0x30000))
    info = info.encode()
    phdrs = []
    for cpu in range(cpus):
        at = crash + 0x4000 + cpu * 0x400
        image.write(at, note(b"CORE", 1, struct.pack("<336s", b"cpu%d" % cpu)))
        phdrs.append((PT_NOTE, at, 0, 0, 0x400, 0x400))
    image.write(crash + 0x6000, note(b"VMCOREINFO", 0, info))
    phdrs.append((PT_NOTE, crash + 0x6000, 0, 0, PAGE, PAGE))
    image.cpus = cpus
    if xen:
        phdrs.append(put_xen(image, crash + 0xB0000, domain_pgd // PAGE, pgd // PAGE))
    image.write(backup, rng.randbytes(0x9E400))
    image.loads = [(base, base, virt(base), 1 << 20), (backup, 0x1000, 0xFFFF888000001000, 0x9E400),
                   (1 << 20, 1 << 20, 0xFFFF888000100000, crash - (1 << 20)),
                   (1 << 32, 1 << 32, 0xFFFF888100000000, 1 << 20)]
    phdrs += [(PT_LOAD, s, v, p, n, n) for s, p, v, n in image.loads]
    image.write(image.elfcorehdr, elf_header(phdrs))
    fill(image, rng, 256, crash // PAGE, zero, compressible)
    fill(image, rng, (1 << 32) // PAGE, ((1 << 32) + (1 << 20)) // PAGE, zero, compressible)
    return image


def plain_image(seed=1, mib=4):
    """A machine whose system left no ELF core header."""
    rng = random.Random(seed)
    image = Image()
    image.ranges = [(0, 0x9F000, RAM), (0x9F000, 0x1000, GATE), (1 << 20, (mib - 1) << 20, RAM)]
    image.loads = [(p, p, 0, b) for p, b, k in image.ranges if k == RAM]
    fill(image, rng, 0, 0x9F, 0.5, 0.2)
    fill(image, rng, 256, (mib << 20) // PAGE, 0.5, 0.2)
    return image


def file_image(data):
    """What a living system sends: from address 0 on, the last page filled up with zeros."""
    image = Image()
    image.ranges = [(0, len(data), RAM)]
    image.write(0, data)
    return image
