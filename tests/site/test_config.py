# SPDX-License-Identifier: GPL-2.0-or-later
"""PXELINUX's grammar, as its readconfig.c has it; tests/lab/test_site.py asks PXELINUX itself."""

import pytest

from conftest import KEY
from sitelib import hosts

GOOD = f"DEFAULT a\nLABEL a\n  KERNEL netdump.c32\n  APPEND key={KEY} -- vmlinuz one --- initrd.img\n"


def labels(found):
    return {label["label"]: label for label in found["labels"]}


def texts(found, level=None):
    return [message["text"] for message in found["messages"]
            if level in (None, message["level"])]


def test_a_good_one(site):
    site.config(GOOD)
    status, found, _ = site.check()
    assert status == 0 and not found["errors"] and not found["warnings"]
    (label,) = found["configurations"][0]["labels"]
    assert label["armed"] and label["security"] == "NK" and label["system"] == "Linux"
    assert label["modules"] == ["initrd.img"] and label["arguments"] == ["one"]


def test_append_of_a_label_replaces_the_one_above(site):
    found = labels(site.one("append above\nLABEL a\nLINUX vmlinuz\nLABEL b\nLINUX vmlinuz\n"
                            "APPEND own\nLABEL c\nLINUX vmlinuz\nAPPEND -\nDEFAULT a\n"))
    assert [found[name]["arguments"] for name in "abc"] == [["above"], ["own"], []]


def test_append_above_comes_too_late_behind_its_labels(site):
    """A label takes what stands above when it is over."""
    found = labels(site.one("LABEL a\nLINUX vmlinuz\nLABEL b\nAPPEND b\nLINUX vmlinuz\nDEFAULT a\n"))
    assert found["a"]["arguments"] == [] and found["b"]["arguments"] == ["b"]


def test_keywords_in_any_case_and_with_tabs(site):
    found = site.one("\tDeFaUlT\ta\n  lAbEl a\n\tkernel\tvmlinuz\n aPPend\tone\ttwo\r\n")
    assert labels(found)["a"]["arguments"] == ["one", "two"] and not found["messages"]


def test_labels_are_found_by_case(site):
    assert "there is neither such a label" in texts(site.one("DEFAULT A\nLABEL a\nKERNEL vmlinuz\n"))[0]


def test_the_first_of_two_labels_boots(site):
    found = site.one("DEFAULT a\nLABEL a\nKERNEL vmlinuz\nLABEL a\nKERNEL ref.elf\n")
    assert "is the one that boots" in texts(found, "warning")[0]


def test_include_goes_on_within_a_label(site):
    site.config("APPEND from the other file\nLABEL b\nLINUX vmlinuz\n", "other")
    found = site.one("DEFAULT a\nLABEL a\nLINUX vmlinuz\nINCLUDE pxelinux.cfg/other\n")
    assert labels(found)["a"]["arguments"] == "from the other file".split()
    assert found["includes"] == ["pxelinux.cfg/other"] and not found["messages"]


def test_a_fault_in_an_included_file_has_its_place(site):
    site.config("\nLABEL b\nLINUX absent\n", "other")
    (message,) = site.one("INCLUDE pxelinux.cfg/other\nDEFAULT b\n")["messages"]
    assert (message["file"], message["line"]) == ("pxelinux.cfg/other", 3)


def test_a_file_that_includes_itself_ends(site):
    assert "include itself" in texts(site.one("INCLUDE pxelinux.cfg/default\n"))[0]


def test_text_is_skipped(site):
    found = site.one("DEFAULT a\nLABEL a\nTEXT HELP\nKERNEL absent\nENDTEXT\nKERNEL vmlinuz\n")
    assert not found["messages"] and labels(found)["a"]["image"] == "vmlinuz"


def test_text_without_an_end(site):
    found = site.one("DEFAULT a\nLABEL a\nKERNEL vmlinuz\nTEXT HELP\nLABEL b\n")
    assert texts(found, "error") == ["TEXT without ENDTEXT: all that follows is its text"]
    assert "b" not in labels(found)


def test_a_line_that_is_cut(site):
    found = site.one(GOOD.replace("one", "x" * 4096))
    assert any("PXELINUX cuts it at 4095" in text for text in texts(found, "error"))


@pytest.mark.parametrize("line, says", [("LABLE b", "is LABEL meant?"), ("APEND x", "is APPEND meant?"),
                                        ("TIMEOUTT 5", "is TIMEOUT meant?"),
                                        ("MENU TITEL x", "is TITLE meant?")])
def test_a_likely_typo_is_worth_a_word(site, line, says):
    (text,) = texts(site.one(f"{GOOD}{line}\n"), "warning")
    assert text.endswith(says)


def test_what_is_no_keyword_is_left_alone(site):
    assert not site.one(f"# LABLE\n# DEFAULT b\nxyzzy 5\nALLOWEDIT 0\nnotice 1\n{GOOD}")["messages"]


def test_sysappend_and_ipappend_are_the_same_to_it(site):
    assert not site.one(f"IPAPPEND 0x3\nSYSAPPEND 2\n{GOOD}  IPAPPEND 2\n")["messages"]


@pytest.mark.parametrize("text, course, boots", [
    ("DEFAULT a\n", "boots a at once", "a"),
    ("DEFAULT a\nTIMEOUT 50\n", "boots a at once", "a"),
    ("DEFAULT a\nPROMPT 1\nTIMEOUT 50\n", "waits 5 s, then boots a", "a"),
    ("DEFAULT a\nPROMPT 1\n", "waits at the prompt for ever", "a"),
    ("DEFAULT a\nPROMPT 1\nTIMEOUT 50\nONTIMEOUT b\n", "waits 5 s, then boots b", "b"),
    ("UI menu.c32\nTIMEOUT 50\n", "shows a menu, and after 5 s boots a", "a"),
    ("UI menu.c32\nDEFAULT b\nTIMEOUT 50\n", "shows a menu, and after 5 s boots b", "b"),
    ("DEFAULT vesamenu.c32\n", "shows a menu, and waits for a key for ever", "a")])
def test_what_happens_without_a_key(site, text, course, boots):
    found = site.one(f"{text}LABEL a\nKERNEL vmlinuz\nLABEL b\nKERNEL vmlinuz\n")
    assert (found["course"], found["boots"]) == (course, boots) and not found["messages"]


def test_the_menus_own_default(site):
    found = site.one("UI menu.c32\nTIMEOUT 9\nLABEL a\nKERNEL vmlinuz\nMENU SEPARATOR\n"
                     "LABEL b\nKERNEL vmlinuz\nMENU DEFAULT\n")
    assert found["boots"] == "b"


def test_each_kind_of_file_name_has_its_hosts():
    assert hosts.finders("C0A80") == "hosts in 192.168.0.0/20"
    assert hosts.finders("C0A80105") == "the host with the address 192.168.1.5"
    assert hosts.finders("01-aa-bb-cc-dd-ee-ff") == "the host with the NIC aa:bb:cc:dd:ee:ff"
    assert "UUID" in hosts.finders("b8945908-d6a6-41a9-611d-74a6ab80b83d")
    for name in ("c0a80", "lab", "C0A801051", "01-AA-BB-CC-DD-EE-FF", "aa-bb-cc-dd-ee-ff"):
        assert not hosts.finders(name)


@pytest.mark.parametrize("name, right", [
    ("c0a80", "C0A80"), ("01-AA-BB-CC-DD-EE-FF", "01-aa-bb-cc-dd-ee-ff"),
    ("aa:bb:cc:dd:ee:ff", "01-aa-bb-cc-dd-ee-ff"), ("192.168.1.5", "C0A80105"), ("Default", "default")])
def test_a_name_that_nobody_looks_for(site, name, right):
    site.config(GOOD)
    site.config(GOOD, name)
    status, found, _ = site.check()
    (said,) = [one for one in found["configurations"] if one["file"].endswith(name)]
    assert status == 1 and f"is {right} meant?" in said["messages"][0]["text"]


@pytest.mark.parametrize("host, name", [
    ("52:54:00:12:34:56", "01-52-54-00-12-34-56"), ("52-54-00-12-34-57,192.168.1.5", "C0A801"),
    ("192.168.1.5", "C0A801"), ("192.168.2.5", "C0A80"), ("10.0.0.1", "default"),
    ("52:54:00:12:34:56,192.168.1.5", "01-52-54-00-12-34-56")])
def test_a_host_finds_the_nearest(site, host, name):
    for there in ("01-52-54-00-12-34-56", "C0A801", "C0A80", "default"):
        site.config(GOOD, there)
    _, found, _ = site.check("--host", host)
    assert [one["file"] for one in found["configurations"]] == [f"pxelinux.cfg/{name}"]


def test_dhcps_own_words(site):
    """Options 209 and 210."""
    (site.folder / "rack").mkdir()
    for name in ("pxelinux.0", "ldlinux.c32", "netdump.c32", "vmlinuz", "initrd.img", "dini.bin"):
        (site.folder / name).rename(site.folder / "rack" / name)
    for library in ("libcom32.c32", "libutil.c32", "libgpl.c32"):
        (site.folder / library).rename(site.folder / "rack" / library)
    (site.folder / "rack" / "own.cfg").write_text(GOOD)
    status, found, _ = site.check("--prefix", "rack/", "--config", "own.cfg")
    assert status == 0, found
    assert found["configurations"][0]["file"] == "rack/own.cfg"
    assert site.check("--config", "rack/own.cfg")[0] == 1
