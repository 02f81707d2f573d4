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
CLANG := clang

WARNINGS := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wshadow -Wvla
COMMON_CFLAGS := -std=gnu11 $(WARNINGS) -Iinclude -I.
HOST_CFLAGS := $(COMMON_CFLAGS) -O2 -g -D_GNU_SOURCE -D_FORTIFY_SOURCE=2
SAN_CFLAGS := $(COMMON_CFLAGS) -O1 -g -D_GNU_SOURCE -fno-omit-frame-pointer \
	-fsanitize=address,undefined -fno-sanitize-recover=all

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
	tests/tests.mk tests/fuzz/fuzz.mk tests/sim/sim.mk scripts/scripts.mk

.PHONY: all help clean
all: server stub dist ## build everything

help: ## list these verbs
	@awk -F':.*## ' '/^[a-z][a-z_.-]*:.*## /{printf "  make %-22s %s\n", $$1, $$2}' \
		Makefile */*.mk */*/*.mk | sort

clean: ## remove what was built, keep downloads
	$(Q)find $(B) -mindepth 1 -maxdepth 1 ! -name downloads -exec rm -rf {} + 2>/dev/null || true

.PHONY: check
check: $(CHECK) ## run the tests
