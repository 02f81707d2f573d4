# SPDX-License-Identifier: GPL-2.0-or-later
#
# The test ladder.  Each part appends its verb to CHECK; `make check` runs them all.
# A unit test is tests/unit/NAME_test.c plus a line NAME_TEST_SRC with what it tests;
# it is built with address and undefined-behaviour sanitizers.

CHECK += check-unit

UNIT_TESTS += message handoff options fence
message_TEST_SRC := wire/message.c
handoff_TEST_SRC :=
options_TEST_SRC := com32/netdump/options.c
fence_TEST_SRC := com32/netdump/fence.c
fence_TEST_FLAGS := -Isyslinux/overlay/com32/include

UNIT_BIN := $(UNIT_TESTS:%=$(B)/tests/%_test)

.PHONY: check-unit
check-unit: $(UNIT_BIN) ## unit tests, under the sanitizers
	$(Q)for t in $(UNIT_BIN); do $$t || exit 1; done

.SECONDEXPANSION:
$(B)/tests/%_test: tests/unit/%_test.c $$($$*_TEST_SRC) $(B)/.setup-build $(B)/.setup-check
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(SAN_CFLAGS) $($*_TEST_FLAGS) -MMD -o $@ $< $($*_TEST_SRC) -lcmocka $($*_TEST_LIBS)
