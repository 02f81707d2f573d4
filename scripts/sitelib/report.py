# SPDX-License-Identifier: GPL-2.0-or-later
"""What a check found, for a person."""

CLEAR = {"plain": "in the clear", "NK": "sealed", "NKpsk0": "sealed, with the host's own key",
         "none": "not at all: there is no key"}


def _servers(label):
    """Where a dump goes: each server with its key."""
    keys = [key["fingerprint"] for key in label["keys"]]
    addresses = label["servers"] or ["the TFTP server"]
    answers = label.get("answers") or []
    for i, address in enumerate(addresses):
        key = keys[i if len(keys) > 1 else 0] if keys and (len(keys) == 1 or i < len(keys)) else None
        answer = answers[i] if i < len(answers) else None
        said = "" if not answer else f", answers after {answer['ms']} ms" if answer["answers"] \
            else ", does not answer"
        yield f"{address}:{label['port']}" + (f", key {key}" if key else "") + said


def _netdump(label):
    system = label["system"] or "no system:"
    yield " ".join([system, label["image"] or "none is named", *label["arguments"]])
    if label["modules"]:
        yield "with " + ", ".join(label["modules"])
    if not label["armed"]:
        yield "no dump: netdump.c32 refuses these words" + (
            ", and boots without it" if label["fallback"] else ", and PXELINUX's prompt is back")
        return
    for i, server in enumerate(_servers(label)):
        yield ("dumps to " if not i else "else to  ") + server
    yield CLEAR[label["security"]] + (f" ({label['psk']})" if label["psk"] else "")
    yield f"then {label['action']}; " + (
        f"gives up after {label['deadline']} s without a word" if label["deadline"]
        else "never gives up")
    more = [f"{option} {label[option]}" for option in ("ip", "gateway", "mac") if label[option]]
    if label["skip"]:
        more.append("leaves out " + ", ".join(label["skip"]))
    if label["fallback"]:
        more.append("boots without netdump if that cannot be set up")
    if label["dini"] != "dini.bin":
        more.append(f"DINI is {label['dini']}")
    if more:
        yield "; ".join(more)


def _does(label):
    if label["does"] == "netdump":
        yield from _netdump(label)
    elif label["does"] == "linux":
        yield " ".join(["without netdump: Linux", label["image"], *label["arguments"]])
    elif label["does"] == "localboot":
        yield "boots from the local disk"
    elif label["does"] == "nothing":
        yield "nothing"
    else:
        yield f"{label['does']} {label['image']}"


def _message(message):
    where = message["file"] + (f":{message['line']}" if message["line"] else "")
    return f"{where}: {message['level']}: {message['text']}"


def lines(found):
    """The report, line by line."""
    for one in found["configurations"]:
        yield f"{one['file']}: {one['hosts'] or 'whoever is told to take it'}: {one['course']}"
        for label in one["labels"]:
            first = f"  {label['label']}: "
            for line in _does(label):
                yield first + line.rstrip()
                first = " " * 4
        yield ""
    yield from dict.fromkeys(_message(message) for one in [found, *found["configurations"]]
                             for message in one["messages"])
    yield f"{len(found['configurations'])} configurations, {found['errors']} errors, " \
          f"{found['warnings']} warnings"
