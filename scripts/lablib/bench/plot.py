# SPDX-License-Identifier: GPL-2.0-or-later
"""The bench as a picture: when what was there, what the wire cost, what was held."""

from ..process import LabError

HELD_COLOR, MISSED_COLOR, FIRST_COLOR = "#2a7f4f", "#b03a2e", "#d9a441"
BAR_COLOR = "#4a6fa5"


def write(path, found):
    """An SVG: a panel for each part that has rows, and one for the targets."""
    try:
        import matplotlib
    except ImportError as error:
        raise LabError(f"{error}; scripts/setup bench installs it") from error
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "netdump"  # the same bench, the same file
    from matplotlib import pyplot
    panels = [panel for panel in (_times(found, "kdump", "Panic to dump, 1 GiB"),
                                  _times(found, "size", "Panic to dump, by size"),
                                  _bars(found, ("loss", "rtt"), "data_s",
                                        "256 MiB of incompressible memory, seconds"),
                                  _bars(found, ("undi",), "ceiling_mb_s", "Raw UNDI, MB/s"),
                                  _bars(found, ("server",), "stored_of_copy",
                                        "Server, share of a plain copy"))
              if panel]
    panels.append(_targets(found))
    heights = [max(lines, 2) for lines, _ in panels]
    figure, axes = pyplot.subplots(len(panels), 1, figsize=(9, 0.34 * sum(heights) + len(panels)),
                                   height_ratios=heights, squeeze=False, layout="constrained")
    for axis, (_, draw) in zip(axes[:, 0], panels):
        draw(axis)
        axis.invert_yaxis()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _rows(found, parts, *keys):
    return [row for row in found["rows"]
            if row["part"] in parts and all(key in row["figures"] for key in keys)]


def _times(found, part, title):
    rows = _rows(found, (part,), "durable_s", "first_log_s")

    def draw(axis):
        names = [row["title"] for row in rows]
        durable = [row["figures"]["durable_s"] for row in rows]
        first = [row["figures"]["first_log_s"] for row in rows]
        axis.barh(names, durable, color=BAR_COLOR, label="durable")
        axis.barh(names, first, color=FIRST_COLOR, label="first log line", height=0.4)
        axis.set_xlabel("seconds")
        axis.set_title(title)
        axis.legend()
    return (len(rows), draw) if rows else None


def _bars(found, parts, key, title):
    rows = _rows(found, parts, key)

    def draw(axis):
        axis.barh([row["title"] for row in rows], [row["figures"][key] for row in rows],
                  color=BAR_COLOR)
        axis.set_title(title)
    return (len(rows), draw) if rows else None


def _targets(found):
    """Each as a share of its bound: 1 is just held; what was not measured has no bar."""
    targets = found["targets"]

    def draw(axis):
        names = [one["what"] + ("" if one["figure"] is not None else " (not measured)")
                 for one in targets]
        axis.barh(names, [(one["figure"] or 0) / one["bound"] for one in targets],
                  color=[HELD_COLOR if one["word"] == "held" else MISSED_COLOR for one in targets])
        axis.axvline(1, color="black", linewidth=1)
        axis.set_title("Targets, by their bounds: green is held")
    return len(targets), draw
