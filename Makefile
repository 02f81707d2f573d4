# SPDX-License-Identifier: GPL-2.0-or-later
#
# Everything is built below build/.  Each folder's rules are in its own *.mk;
# this file holds what they share and the verbs people type.

B := build
PYTHON := /usr/bin/python3
# Tests side by side, but those of one group: one each for the cores of a small computer.
PYTEST_JOBS ?= 2
PYTEST = PYTHONDONTWRITEBYTECODE=1 $(PYTHON) -m pytest -q -p no:cacheprovider -n $(PYTEST_JOBS) \
	--dist loadgroup
NASM := nasm
# The first entry of debian/changelog says which version this is; nothing else does.
VERSION := $(shell sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)
CLANG := clang

WARNINGS := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wshadow -Wvla
COMMON_CFLAGS := -std=gnu11 $(WARNINGS) -Iinclude -I.
HOSTED := -D_GNU_SOURCE -DND_VERSION='"$(VERSION)"'
HOST_CFLAGS := $(COMMON_CFLAGS) -O2 -g $(HOSTED) -D_FORTIFY_SOURCE=2 $(CPPFLAGS) $(CFLAGS)
SAN_CFLAGS := $(COMMON_CFLAGS) -O1 -g $(HOSTED) -fno-omit-frame-pointer \
	-fsanitize=address,undefined -fno-sanitize-recover=all

# Where `make install` puts things, below DESTDIR.
PREFIX ?= /usr/local
UNITDIR ?= $(PREFIX)/lib/systemd/system
install_files = install -D -m $1 -t $(DESTDIR)$2 $3
install_as = install -D -m $1 $2 $(DESTDIR)$(strip $3)

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n' $(1) $(2)
endif

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:

# What a verb needs besides a compiler is installed by scripts/setup; each stamp
# says that this machine has had that set.
$(B)/.setup-%: scripts/setup scripts/packages
	$(Q)mkdir -p $(B)
	$(Q)scripts/setup $*
	$(Q)touch $@

include wire/wire.mk site/site.mk dini/dini.mk stub/stub.mk syslinux/syslinux.mk server/server.mk \
	tests/tests.mk tests/fuzz/fuzz.mk tests/sim/sim.mk scripts/scripts.mk debian/debian.mk

.PHONY: all help clean
all: server stub dist ## build everything

.PHONY: install
install: $(INSTALLS) ## install below DESTDIR, in PREFIX (/usr/local); or one of: install-boot, -server, -site, -crash, -dkms

help: ## list these verbs
	@awk -F':.*## ' '/^[a-z][a-z_.-]*:.*## /{printf "  make %-22s %s\n", $$1, $$2}' \
		Makefile */*.mk */*/*.mk | sort

clean: ## remove what was built, keep downloads
	$(Q)find $(B) -mindepth 1 -maxdepth 1 ! -name downloads -exec rm -rf {} + 2>/dev/null || true

.PHONY: check
check: $(CHECK) ## run the tests
