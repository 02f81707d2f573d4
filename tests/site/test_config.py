# SPDX-License-Identifier: GPL-2.0-or-later
"""PXELINUX's grammar, as its readconfig.c has it; tests/lab/test_site.py asks PXELINUX itself."""

import os

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
    """A label takes what stands above when it is over: neither what comes later nor what came last."""
    site.config("APPEND above\nLABEL c\nLINUX vmlinuz\n", "other")
    found = labels(site.one("APPEND first\nLABEL a\nLINUX vmlinuz\nMENU SEPARATOR\nAPPEND above\n"
                            "LABEL b\nLINUX vmlinuz\nAPPEND own\nDEFAULT a\n"
                            "INCLUDE pxelinux.cfg/other\n"))
    assert [found[name]["arguments"] for name in "abc"] == [["first"], ["above"], ["above"]]


def test_minus_is_none_only_by_itself(site):
    found = labels(site.one("APPEND x\nLABEL a\nLINUX vmlinuz\nAPPEND - \nDEFAULT a\n"))
    assert found["a"]["arguments"] == ["-"]


@pytest.mark.parametrize("blank", ["\u00a0", "\u3000", "\u2003", "\x85"])
def test_unicodes_blanks_are_none(site, blank):
    found = labels(site.one(f"DEFAULT a\nLABEL a\nLINUX vmlinuz\nAPPEND one{blank}two{blank}\n"))
    assert len(found["a"]["arguments"]) == 1
    assert list(labels(site.one(f"{GOOD}LABEL{blank}b\n"))) == ["a"]
    assert "neither such a label" in texts(site.one(f"DEFAULT a{blank}\nLABEL a\nLINUX vmlinuz\n"))[0]


@pytest.mark.parametrize("blank", ["\x01", "\x1f", "\x7f", "\v"])
def test_control_characters_are_blanks(site, blank):
    found = site.one(f"{blank}DEFAULT{blank}a\nLABEL a\nLINUX vmlinuz{blank}one\nAPPEND two{blank}three\n")
    assert labels(found)["a"]["arguments"] == ["one", "two", "three"] and not found["messages"]


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
    assert texts(site.one(GOOD + "INCLUDE pxelinux.cfg/default\n" * 2)) == [
        "INCLUDE pxelinux.cfg/default: it would include itself, and PXELINUX never ends"] * 2


def test_a_file_that_includes_itself_by_other_names_ends(site):
    (site.folder / "pxelinux.cfg" / "link").symlink_to("default")
    site.config("INCLUDE pxelinux.cfg/link\n" * 2, "other")
    said = texts(site.one(f"{GOOD}INCLUDE pxelinux.cfg/other\n"), "error")
    assert said == ["INCLUDE pxelinux.cfg/link: it would include itself, and PXELINUX never ends"] * 2


def test_files_that_double_end(site):
    """Each includes the next one twice."""
    for number in range(12):
        site.config(f"INCLUDE pxelinux.cfg/in{number + 1}\n" * 2, f"in{number}")
    site.config("# the last\n", "in12")
    found = site.one(f"{GOOD}INCLUDE pxelinux.cfg/in0\n")
    (text,) = texts(found, "error")
    assert "the 1000th of them" in text and len(found["includes"]) == 999


def test_a_deep_one_ends(site):
    for number in range(20):
        site.config(f"INCLUDE pxelinux.cfg/in{number + 1}\n", f"in{number}")
    (text,) = texts(site.one(f"{GOOD}INCLUDE pxelinux.cfg/in0\n"), "error")
    assert "16 files deep" in text


def test_a_large_one_is_not_read(site):
    site.config("x" * (1 << 20), "large")
    assert texts(site.one(f"{GOOD}INCLUDE pxelinux.cfg/large\n"), "error") == [
        "INCLUDE pxelinux.cfg/large: cannot be read: more than 1 MiB, with what it includes"]
    (text,) = texts(site.one("x" * (1 << 20) + "y"), "error")
    assert text.startswith("cannot be read: more than 1 MiB")


@pytest.mark.parametrize("line", ["MENU INCLUDE pxelinux.cfg/other", "MENU INCLUDE pxelinux.cfg/other Titel"])
def test_menu_include_is_one(site, line):
    site.config("LABEL b\nLINUX absent\n", "other")
    found = site.one(f"{GOOD}{line}\n")
    assert found["includes"] == ["pxelinux.cfg/other"] and "b" in labels(found)
    assert texts(found, "error")[0].startswith("absent is not there")


def test_text_is_skipped(site):
    found = site.one("DEFAULT a\nLABEL a\nTEXT HELP\nKERNEL absent\nENDTEXT\nKERNEL vmlinuz\n")
    assert not found["messages"] and labels(found)["a"]["image"] == "vmlinuz"


def test_text_without_an_end(site):
    found = site.one("DEFAULT a\nLABEL a\nKERNEL vmlinuz\nTEXT HELP\nLABEL b\n")
    assert texts(found, "error") == ["TEXT without ENDTEXT: all that follows is its text"]
    assert "b" not in labels(found)


def test_a_line_that_is_cut(site):
    whole, cut = ("#" * count + f"\n{GOOD}" for count in (4095, 4096))
    assert not texts(site.one(whole))
    assert texts(site.one(cut)) == ["a line of 4096 bytes: PXELINUX cuts it at 4095 and takes the rest "
                                    "for one of its own"]


@pytest.mark.parametrize("kernel, append, more", [
    ("LINUX vmlinuz", "", ".linux vmlinuz "), ("KERNEL vmlinuz", "", "vmlinuz "),
    ("LINUX vmlinuz", "INITRD initrd.img", ".linux vmlinuz  initrd=initrd.img")])
def test_a_command_line_that_is_too_long(site, kernel, append, more):
    for size, refused in (2047, False), (2048, True):
        found = site.one(f"DEFAULT a\nLABEL a\n{kernel}\n{append}\nAPPEND " + "x" * (size - len(more)))
        assert texts(found, "error") == (["a command line of 2048 bytes, from 2048 on PXELINUX boots "
                                          "nothing: make it shorter"] if refused else [])
        assert labels(found)["a"]["does"] == ("nothing" if refused else "linux")


def test_more_words_than_a_line_has_place_for(site):
    found = site.one(GOOD.replace("one", "x " * 1100))
    assert [message["line"] for message in found["messages"]] == [4]
    assert "a command line of" in texts(found)[0]


@pytest.mark.parametrize("line, says", [("LABLE b", "is LABEL meant?"), ("APEND x", "is APPEND meant?"),
                                        ("TIMEOUTT 5", "is TIMEOUT meant?"),
                                        ("MENU TITEL x", "is TITLE meant?")])
def test_a_likely_typo_is_worth_a_word(site, line, says):
    (text,) = texts(site.one(f"{GOOD}{line}\n"), "warning")
    assert text.endswith(says)


def test_what_is_no_keyword_is_left_alone(site):
    assert not site.one(f"# LABLE\n# DEFAULT b\nxyzzy 5\nALLOWEDIT 0\nnotice 1\n{GOOD}")["messages"]


def test_words_behind_a_kernel_are_its_own(site):
    found = labels(site.one(f"DEFAULT a\nLABEL a\nKERNEL netdump.c32 key={KEY} -- vmlinuz one\nAPPEND two\n"
                            "LABEL b\nKERNEL vmlinuz initrd=initrd.img\nAPPEND three\n"))
    assert found["a"]["armed"] and found["a"]["arguments"] == ["one", "two"]
    assert found["b"]["arguments"] == ["initrd=initrd.img", "three"]
    assert found["b"]["modules"] == ["initrd.img"]
    assert "nope is not there" in texts(site.one("DEFAULT a\nLABEL a\nKERNEL vmlinuz initrd=nope\n"))[0]


@pytest.mark.parametrize("keyword", ["DEFAULT", "UI", "ONTIMEOUT", "ONERROR"])
def test_a_command_that_is_no_label_is_read_whole(site, keyword):
    other = "" if keyword in ("DEFAULT", "UI") else "DEFAULT b\nLABEL b\nLINUX vmlinuz\n"
    line = f"{other}{keyword} netdump.c32 key={KEY}"
    label = labels(site.one(f"{line} action=hold -- vmlinuz one\n"))["netdump.c32"]
    assert label["armed"] and label["action"] == "hold" and label["arguments"] == ["one"]
    found = site.one(f"{line} colour=red -- absent\n")
    assert [text[:13] for text in texts(found, "error")] == ['"colour=..." ', "absent is not"]


def test_words_behind_a_label_count_too(site):
    found = site.one("DEFAULT a initrd=absent\nLABEL a\nLINUX vmlinuz\n")
    assert texts(found)[0].startswith("absent is not there")


def test_options_may_be_forbidden(site):
    line = f"DEFAULT netdump.c32 key={KEY} -- vmlinuz\n"
    assert not texts(site.one(line))
    assert texts(site.one(f"{line}ALLOWOPTIONS 0\n"), "error")[0].startswith("no image")


def test_implicit_0_leaves_labels_alone(site):
    for command in "DEFAULT vmlinuz", "UI menu.c32":
        assert not texts(site.one(f"{command}\n"), "error")
        (text,) = texts(site.one(f"{command}\nIMPLICIT 0\n"), "error")
        assert "with IMPLICIT 0" in text
    assert not texts(site.one(f"{GOOD}IMPLICIT 0\n"))


def test_onerror_names_something(site):
    assert "ONERROR absent: there is neither" in texts(site.one(f"{GOOD}ONERROR absent\n"), "error")[0]
    assert not texts(site.one(f"{GOOD}ONERROR a\n"))


def test_an_end_is_tried(site):
    """vmlinuz.img is there by its first part, a module too, and then it is a Linux."""
    (site.folder / "vmlinuz").rename(site.folder / "kernel.img")
    found = site.one("DEFAULT kernel\n")
    assert not texts(found) and labels(found)["kernel.img"]["does"] == "linux"
    assert not texts(site.one("DEFAULT menu\n"))
    assert "is empty" not in "".join(texts(site.one("DEFAULT a\nLABEL a\nKERNEL kernel.img\n")))
    assert texts(site.one("DEFAULT a\nLABEL a\nKERNEL kernel\n"), "error")


def test_a_bare_localboot_boots(site):
    found = site.one("DEFAULT a\nLABEL a\nLOCALBOOT\n")
    assert labels(found)["a"]["does"] == "localboot" and not texts(found)


def test_the_first_initrd_alone_is_loaded(site):
    found = site.one("DEFAULT a\nLABEL a\nLINUX vmlinuz\nAPPEND initrd=initrd.img\nINITRD absent\n")
    assert labels(found)["a"]["modules"] == ["initrd.img"] and not texts(found, "error")
    assert texts(found, "warning")[0].startswith("initrd=absent: PXELINUX loads the first")


def test_an_empty_file_is_none(site):
    (site.folder / "initrd.img").write_bytes(b"")
    assert "initrd.img is empty" in texts(site.one(GOOD), "error")[0]


@pytest.mark.parametrize("line", ["MENU DISABLE", "MENU DISABLED", "MENU GOTO x", "MENU QUIT", "MENU HELP text"])
def test_an_entry_that_starts_nothing(site, line):
    (site.folder / "text").write_text("help")
    found = site.one(f"{GOOD}LABEL b\nKERNEL absent\n{line}\n")
    assert list(labels(found)) == ["a"] and not texts(found)


def test_menu_exit_is_a_way_out_of_a_submenu_alone(site):
    inside = site.one(f"{GOOD}MENU BEGIN\nLABEL b\nMENU EXIT\nMENU END\n")
    assert list(labels(inside)) == ["a"] and not texts(inside)
    assert "b" in labels(site.one(f"{GOOD}LABEL b\nKERNEL vmlinuz\nMENU EXIT\n"))


def test_a_label_that_is_disabled_is_no_default(site):
    assert "DEFAULT a: there is neither" in \
        texts(site.one("DEFAULT a\nLABEL a\nKERNEL vmlinuz\nMENU DISABLE\n"), "error")[0]


@pytest.mark.parametrize("line", ["DISPLAY absent", "F1 absent", "f10 absent", "MENU BACKGROUND absent",
                                  "FONT absent"])
def test_what_is_shown_and_not_there_is_a_warning(site, line):
    (text,) = texts(site.one(f"{GOOD}{line}\n"))
    assert text.startswith("absent is not there") and texts(site.one(f"{GOOD}{line}\n"), "warning")


def test_menus_read_files_of_their_own(site):
    for text in ("UI menu.c32 pxelinux.cfg/absent\n", "DEFAULT vesamenu.c32 ~ pxelinux.cfg/absent\n",
                 "DEFAULT a\nLABEL a\nKERNEL menu.c32\nAPPEND pxelinux.cfg/absent\n",
                 "DEFAULT a\nLABEL a\nCONFIG pxelinux.cfg/absent\n"):
        assert texts(site.one(text), "error")[0].startswith("pxelinux.cfg/absent is not there")
        site.config(text.replace("absent", "there"))
        site.config("LABEL b\nKERNEL vmlinuz\n", "there")
        begins = "" if "CONFIG" not in text else "neither DEFAULT nor UI: nothing boots by itself"
        _, found, _ = site.check()
        assert [text for one in found["configurations"] for text in texts(one)] == \
            ([begins] if begins else [])


@pytest.mark.parametrize("text, course, boots", [
    ("DEFAULT a\n", "boots a at once", "a"),
    ("DEFAULT a\nTIMEOUT 50\n", "boots a at once", "a"),
    ("DEFAULT a\nPROMPT 1\nTIMEOUT 50\n", "waits 5 s, then boots a", "a"),
    ("DEFAULT a\nPROMPT 1\n", "waits at the prompt for ever", "a"),
    ("DEFAULT a\nPROMPT 1\nTIMEOUT 50\nONTIMEOUT b\n", "waits 5 s, then boots b", "b"),
    ("UI menu.c32\nTIMEOUT 50\n", "shows a menu, and after 5 s boots a", "a"),
    ("UI menu.c32\nDEFAULT b\nTIMEOUT 50\n", "shows a menu, and after 5 s boots b", "b"),
    ("DEFAULT vesamenu.c32\n", "shows a menu, and waits for a key for ever", "a"),
    ("DEFAULT a\nONTIMEOUT b\nTIMEOUT 50\n", "boots a at once", "a"),
    ("ONTIMEOUT b\nTIMEOUT 50\n", "waits 5 s, then boots b", "b"),
    ("DEFAULT menu.c32\nPROMPT 1\nTIMEOUT 50\n", "waits 5 s, then shows a menu, and after 5 s boots a", "a"),
    ("UI menu.c32\nPROMPT 1\nTIMEOUT 50\n", "shows a menu, and after 5 s boots a", "a"),
    ("UI menu.c32\nTIMEOUT 50\nONTIMEOUT b\n", "shows a menu, and after 5 s boots b", "b"),
    ("UI menu.c32\nTOTALTIMEOUT 90\n", "shows a menu, and after 9 s boots a", "a"),
    ("UI menu.c32\nMENU SHIFTKEY\n", "boots a at once, unless Shift is held down", "a"),
    ("UI menu.c32\nTIMEOUT 50\nMENU SEPARATOR\n", "shows a menu, and waits for a key for ever", None),
    ("UI menu.c32\nTIMEOUT 50\nMENU BEGIN\nMENU END\n",
     "shows a menu, and after 5 s stays at the prompt", None),
    ("UI menu.c32\nTIMEOUT 50\nMENU BEGIN\nTIMEOUT 70\nMENU START\n",
     "shows a menu, and after 7 s boots a", "a"),
    ("UI menu.c32 pxelinux.cfg/default\n", "shows the menu of pxelinux.cfg/default", None),
    ("DEFAULT c\nTIMEOUT 50\nLABEL c\nKERNEL menu.c32\n", "shows a menu, and after 5 s boots c", "c")])
def test_what_happens_without_a_key(site, text, course, boots):
    found = site.one(f"{text}LABEL a\nKERNEL vmlinuz\nLABEL b\nKERNEL vmlinuz\n")
    assert (found["course"], found["boots"]) == (course, boots) and not found["messages"]


def test_the_menus_own_default(site):
    found = site.one("UI menu.c32\nTIMEOUT 9\nLABEL a\nKERNEL vmlinuz\nMENU SEPARATOR\n"
                     "LABEL b\nKERNEL vmlinuz\nMENU DEFAULT\n")
    assert found["boots"] == "b"


@pytest.mark.parametrize("before, in_a, in_b, boots", [
    ("DEFAULT b\n", "MENU DEFAULT\n", "", "b"), ("", "", "MENU DEFAULT\n", "b"),
    ("", "MENU HIDE\n", "", "b"), ("DEFAULT a\n", "MENU HIDE\n", "", "b"),
    ("", "MENU BEGIN\n", "MENU DEFAULT\nMENU END\n", "a"), ("", "MENU DISABLE\n", "", None),
    ("", "MENU DISABLE\n", "MENU DEFAULT\n", "b")])
def test_which_of_a_menus_entries(site, before, in_a, in_b, boots):
    found = site.one(f"UI menu.c32\nTIMEOUT 9\n{before}LABEL a\nKERNEL vmlinuz\n{in_a}"
                     f"LABEL b\nKERNEL vmlinuz\n{in_b}")
    assert found["boots"] == boots and not texts(found, "error")


def test_each_kind_of_file_name_has_its_hosts():
    assert hosts.finders("C0A80") == "hosts in 192.168.0.0/20"
    assert hosts.finders("C0A80105") == "the host with the address 192.168.1.5"
    assert hosts.finders("01-aa-bb-cc-dd-ee-ff") == "the host with the NIC aa:bb:cc:dd:ee:ff"
    assert "UUID" in hosts.finders("b8945908-d6a6-41a9-611d-74a6ab80b83d")
    for name, one in (("b8945908-d6a6-41a9-611d-74a6ab80b83d", True), ("C0A80105", True),
                      ("01-aa-bb-cc-dd-ee-ff", True), ("C0A8010", False), ("default", False)):
        assert hosts.is_one(name) == one
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


def test_a_slash_is_not_beyond_the_prefix(site):
    (site.folder / "rack" / "pxelinux.cfg").mkdir(parents=True)
    for name in os.listdir(site.folder):
        if os.path.isfile(site.folder / name) and name != "initrd.img":
            (site.folder / name).rename(site.folder / "rack" / name)
    for image, good in (("/vmlinuz --- ::initrd.img", True), ("::rack/vmlinuz --- ::/initrd.img", True),
                        ("/rack/vmlinuz --- ::initrd.img", False), ("vmlinuz --- /initrd.img", False)):
        (site.folder / "rack" / "pxelinux.cfg" / "default").write_text(
            f"DEFAULT netdump.c32 key={KEY} -- {image}\n")
        for prefix in "rack/", "/rack/", "::rack/":
            status, found, _ = site.check("--prefix", prefix)
            assert (status == 0) == good, found
    assert "would look for rack/initrd.img" in texts(found["configurations"][0])[0]


@pytest.mark.parametrize("name", ["../other", "sub/../../other", "/../other"])
def test_out_of_the_root_is_nothing_given_out(site, name):
    (site.folder.parent / "other").write_bytes((site.folder / "vmlinuz").read_bytes())
    assert "leads out of the TFTP root" in texts(site.one(f"DEFAULT a\nLABEL a\nLINUX {name}\n"),
                                                 "error")[0]
