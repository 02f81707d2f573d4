# SPDX-License-Identifier: GPL-2.0-or-later
"""The bench for a person: a table for each part, and the targets."""

CAPTIONS = {
    "kdump": "A crash of the 1 GiB guest, from the panic on",
    "loss": "256 MiB of incompressible memory, with loss",
    "rtt": "256 MiB of incompressible memory, with a longer round trip",
    "size": "Guests of other sizes, at level 31, from the panic on",
    "undi": "Frames through the firmware and nothing else, MB/s by the batch; "
            "a call takes 12 at most",
    "server": "The server alone, with machines that are made up",
}
# Columns: a figure's name, its head, its form.
CRASH = (("first_log_s", "first log line", "{:.2f} s"), ("first_byte_s", "first byte", "{:.2f} s"),
         ("durable_s", "durable", "{:.2f} s"), ("wire_mb", "to server", "{:.1f} MB"),
         ("back_mb", "from server", "{:.1f} MB"), ("kept_mib", "memory kept", "{:.2f} MiB"))
WIRE = (("data_s", "seconds", "{:.1f} s"), ("frames_mb_s", "rate", "{:.2f} MB/s"),
        ("again_share", "asked again", "{:.2%}"), ("wire_mb", "to server", "{:.1f} MB"))
SIZES = (1, 2, 4, 8, 16, 32)  # of batches through the gate
COLUMNS = {
    "kdump": CRASH, "size": CRASH, "loss": WIRE, "rtt": WIRE,
    "undi": (*((f"batch_{size}_mb_s", f"{size} a call", "{:.2f}") for size in SIZES),
             ("ceiling_mb_s", "the most", "{:.2f} MB/s"),
             ("ceiling_frames_s", "in frames", "{:.0f}/s")),
    "server": (("seconds", "seconds", "{:.1f} s"), ("stored_mb_s", "stored", "{:.1f} MB/s"),
               ("copy_mb_s", "plain copy", "{:.1f} MB/s"), ("stored_of_copy", "share", "{:.0%}"),
               ("peak_mib", "memory", "{:.0f} MiB")),
}


def text(found):
    lines = []
    for part in dict.fromkeys(row["part"] for row in found["rows"]):
        rows = [row for row in found["rows"] if row["part"] == part]
        lines += [CAPTIONS[part] + ":", *_part(rows, COLUMNS[part]), ""]
    lines += ["Targets:", *map(_target, found["targets"]), ""]
    if any(row["busy"] for row in found["rows"]):
        lines += ["* the machine had other work while this was measured", ""]
    lines.append("every target is held" if found["good"] else "NOT every target is held")
    return "\n".join(lines)


def _part(rows, columns):
    cells = [["", *(head for _, head, _ in columns)]]
    notes = []
    for row in rows:
        title = row["title"] + (" *" if row["busy"] else "")
        cells.append([title, *(_cell(row["figures"].get(key), form) for key, _, form in columns)])
        if row["why"]:
            notes.append(f"  {row['title']}: {row['why']}; --again measures it anew")
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    return ["  " + line[0].ljust(widths[0])
            + "".join(f"  {cell:>{width}}" for cell, width in zip(line[1:], widths[1:]))
            for line in cells] + notes


def _cell(value, form):
    return "-" if value is None else form.format(value)


def _target(one):
    side = "at least" if one["least"] else "at most"
    if one["figure"] is None:
        figure = "not measured"
    elif one["unit"]:
        figure = f"{one['figure']:.2f} {one['unit']}, {side} {one['bound']:g} {one['unit']}"
    else:
        figure = f"{one['figure']:.3f}, {side} {one['bound']:.3f}"
    return f"  {one['word'] + (' *' if one['busy'] else ''):10}{one['what']}: {figure}"
