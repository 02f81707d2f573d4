# SPDX-License-Identifier: GPL-2.0-or-later
#
# The test ladder.  Each part appends its verb to CHECK; `make check` runs them all.
# A unit test is tests/unit/NAME_test.c plus a line NAME_TEST_SRC with what it tests;
# it is built with address and undefined-behaviour sanitizers.

CHECK += check-unit

UNIT_TESTS += message handoff options fence lastwords acpi
message_TEST_SRC := wire/message.c
handoff_TEST_SRC :=
options_TEST_SRC := com32/netdump/options.c
fence_TEST_SRC := com32/netdump/fence.c
lastwords_TEST_SRC := com32/netdump/lastwords.c com32/netdump/fence.c
lastwords_TEST_FLAGS := -Isyslinux/overlay/com32/include
fence_TEST_FLAGS := -Isyslinux/overlay/com32/include
acpi_TEST_SRC := com32/netdump/acpi.c

UNIT_TESTS += noise crypto secure window
noise_TEST_SRC := wire/crypto.c wire/noise.c
noise_TEST_LIBS := -lbearssl -ljansson
crypto_TEST_SRC := server/crypto.c
crypto_TEST_LIBS := -lsodium -lbearssl
secure_TEST_SRC := $(WIRE_SRC)
secure_TEST_LIBS := -lbearssl
window_TEST_SRC := $(WIRE_SRC)
window_TEST_LIBS := -lbearssl
$(B)/tests/noise_test $(B)/tests/crypto_test: $(B)/.setup-server

UNIT_TESTS += bucket door pages reads plan rtt pace timers flow elfcore printk keys sums cache map lanes \
	finish run sandbox select stacks modules catalogue kind answer xen
xen_TEST_SRC := server/xen.c server/mem.c
kind_TEST_SRC := server/kind.c wire/message.c
answer_TEST_SRC := server/answer.c
answer_TEST_LIBS := -lpthread
select_TEST_SRC := $(addprefix server/,select.c pages.c xlat.c xen.c mem.c vmcoreinfo.c)
select_TEST_LIBS := -laddrxlat
stacks_TEST_SRC := $(addprefix server/,stacks.c xlat.c xen.c mem.c vmcoreinfo.c)
stacks_TEST_LIBS := -laddrxlat
sums_TEST_SRC := server/sums.c server/vmcore.c server/pages.c server/parts.c \
	server/store.c server/kind.c server/log.c
sums_TEST_LIBS := -ljansson -lbearssl
cache_TEST_SRC := server/cache.c $(sums_TEST_SRC)
cache_TEST_LIBS := $(sums_TEST_LIBS)
map_TEST_SRC := server/map.c $(sums_TEST_SRC)
map_TEST_LIBS := -ljansson -lbearssl
lanes_TEST_SRC := server/lanes.c
lanes_TEST_LIBS := -lpthread
finish_TEST_SRC := $(SERVER_SRC) $(WIRE_SRC)
finish_TEST_LIBS := $(NETDUMPD_LIBS)
bucket_TEST_SRC := server/bucket.c
door_TEST_SRC := server/door.c server/bucket.c server/keys.c server/kind.c server/log.c server/store.c $(WIRE_SRC)
door_TEST_LIBS := -ljansson -lbearssl
pages_TEST_SRC := server/pages.c
reads_TEST_SRC := server/reads.c server/pages.c
run_TEST_SRC := server/run.c
plan_TEST_SRC := server/plan.c
rtt_TEST_SRC := server/rtt.c
pace_TEST_SRC := server/pace.c
timers_TEST_SRC := server/timers.c
flow_TEST_SRC := $(SERVER_SRC) $(WIRE_SRC)
flow_TEST_LIBS := $(NETDUMPD_LIBS)
elfcore_TEST_SRC := server/elfcore.c server/xen.c server/parts.c server/mem.c server/pages.c server/vmcoreinfo.c
elfcore_TEST_LIBS := -lelf
printk_TEST_SRC := server/printk.c server/xlat.c server/xen.c server/mem.c server/vmcoreinfo.c
printk_TEST_LIBS := -laddrxlat
keys_TEST_SRC := server/keys.c server/kind.c server/log.c server/store.c $(WIRE_SRC)
keys_TEST_LIBS := -ljansson -lbearssl
modules_TEST_SRC := server/modules.c
catalogue_TEST_SRC := $(addprefix server/,catalogue.c modules.c kind.c store.c log.c)
catalogue_TEST_LIBS := -larchive -ljansson -lbearssl -lnettle
# Sanitizers need holes in the sandbox: their build is not the one to test.
sandbox_TEST_SRC := server/sandbox.c $(catalogue_TEST_SRC)
sandbox_TEST_FLAGS := -fno-sanitize=all
sandbox_TEST_LIBS := -lseccomp $(catalogue_TEST_LIBS)
$(foreach t,door flow elfcore printk select stacks keys sums cache map finish sandbox catalogue,$(B)/tests/$(t)_test): \
	$(B)/.setup-server

UNIT_BIN := $(UNIT_TESTS:%=$(B)/tests/%_test)
# All of them: a test is several sources in one command, of which gcc lists the last one's.
UNIT_HEADERS := $(wildcard tests/unit/*.h include/netdump/*.h wire/*.h server/*.h dini/*.h stub/*/*.h \
	com32/netdump/*.h)

.PHONY: check-unit
check-unit: $(UNIT_BIN) $(B)/tests/libwire.so $(B)/stub/netdump-wrap ## unit tests, under the sanitizers
	$(Q)for t in $(UNIT_BIN); do $$t || exit 1; done
	$(Q)PYTHONPATH=tests/tools $(PYTEST) tests/unit

# For the tests' own implementation of the wire to talk to.
$(B)/tests/libwire.so: $(WIRE_SRC) $(UNIT_HEADERS) $(B)/.setup-build $(B)/.setup-check
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CFLAGS) -fPIC -shared -o $@ $(WIRE_SRC) -lbearssl

.SECONDEXPANSION:
$(B)/tests/%_test: tests/unit/%_test.c $$($$*_TEST_SRC) $(UNIT_HEADERS) $(B)/.setup-build \
		$(B)/.setup-check
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(SAN_CFLAGS) $($*_TEST_FLAGS) -o $@ $< $($*_TEST_SRC) -lcmocka $($*_TEST_LIBS)

# netdumpd as a process, under the sanitizers, against machines that are made up.
CHECK += check-server
.PHONY: check-server
SERVER_PYTEST = NETDUMP_FAULTYFILES=$(abspath $(B)/tests/faultyfiles.so) PYTHONPATH=tests/tools $(PYTEST)
DURABILITY_TESTS := tests/server/test_faults.py tests/server/test_kills.py
check-server: $(B)/tests/plaincopy $(B)/tests/standin/netdumpd
check-server: server server-san $(B)/tests/faultyfiles.so $(B)/tests/fakecrash $(B)/.setup-check ## netdumpd against fake machines, hostile ones too
	$(Q)NETDUMP_BUILD=$(abspath $(B)/san/server) NETDUMP_INSTALLED=$(abspath $(B)/server) \
		NETDUMP_FAKECRASH=$(abspath $(B)/tests/fakecrash) \
		NETDUMP_STANDIN=$(abspath $(B)/tests/standin) \
		NETDUMP_PLAINCOPY=$(abspath $(B)/tests/plaincopy) $(SERVER_PYTEST) tests/server \
		$(DURABILITY_TESTS:%=--ignore=%)

# netdumpd with a catalogue of which tests choose every byte.
$(B)/tests/standin/netdumpd: $(patsubst %.c,$(B)/san/%.o,$(filter-out server/catalogue.c server/modules.c,$(NETDUMPD_SRC)) \
		$(STANDIN_SRC))
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -fsanitize=address,undefined -o $@ $(sort $^) $(NETDUMPD_LIBS)

# Hundreds of short lives of netdumpd: without the sanitizers, which make each start slow.
CHECK += check-durability
.PHONY: check-durability
check-durability: server $(B)/tests/faultyfiles.so $(B)/.setup-check ## netdumpd with every file call failing in turn, and killed all the time
	$(Q)NETDUMP_BUILD=$(abspath $(B)/server) $(SERVER_PYTEST) $(DURABILITY_TESTS)

$(B)/tests/faultyfiles.so: tests/tools/faultyfiles.c $(B)/.setup-build
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CFLAGS) -fPIC -shared -o $@ $< -lseccomp

# Machines that never were, to load a server: DINI's agent as a process.  They share the CPUs with the
# server, so they seal with its library, three times as fast as DINI's.
FAKECRASH_SRC := $(addprefix tests/tools/fakecrash/,main.c copy.c crash.c memory.c report.c verify.c) \
	tests/fuzz/image.c dini/agent.c dini/handshake.c dini/pack.c \
	server/crypto.c server/keys.c server/kind.c server/log.c server/store.c $(filter-out wire/crypto.c,$(WIRE_SRC))
.PHONY: fakecrash
fakecrash: $(B)/tests/fakecrash $(B)/tests/plaincopy ## many machines that crash at once, made up, to load a server
$(B)/tests/fakecrash: $(FAKECRASH_SRC) $(wildcard tests/tools/fakecrash/*.h) $(UNIT_HEADERS) \
		tests/fuzz/image.h tests/fuzz/input.h $(B)/.setup-build $(B)/.setup-server
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CFLAGS) -o $@ $(FAKECRASH_SRC) -ljansson -llz4 -lsodium -lbearssl

# And what they are compared with.
$(B)/tests/plaincopy: tests/tools/plaincopy.c server/link.c tests/tools/fakecrash/copy.h $(UNIT_HEADERS) \
		$(B)/.setup-build
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CFLAGS) -o $@ tests/tools/plaincopy.c server/link.c

# A longer way for a dump in the lab.
.PHONY: delay
delay: $(B)/tests/delay
$(B)/tests/delay: tests/tools/delay.c $(B)/.setup-build
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CFLAGS) -o $@ $<

# What breaks a machine in the lab as --fault says: there it runs alone, without a C library.
BREAKER_SRC := $(addprefix tests/faults/breaker/,linux.c breaks.c chips.c machine.c nic.c flip.c) stub/common/words.c
.PHONY: breaker
breaker: $(B)/tests/breaker
$(B)/tests/breaker: $(BREAKER_SRC) $(wildcard tests/faults/breaker/*.h) $(UNIT_HEADERS) \
		$(B)/.setup-build
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CFLAGS) -static -o $@ $(BREAKER_SRC)

MACHINES := 1000
MEM := 1M
LOAD = tests/tools/load --netdumpd $(B)/server/netdumpd --fakecrash $(B)/tests/fakecrash
.PHONY: load load-sweep
load-sweep load: server $(B)/tests/fakecrash $(B)/tests/plaincopy $(B)/.setup-check
load: ## MACHINES crash at once, with MEM each, beside plain copies
	$(Q)$(LOAD) --machines $(MACHINES) --mem $(MEM) $(LOAD_FLAGS)

load-sweep: ## the same for 1 to 1,000 machines that have 1 GiB together, with keys and without
	$(Q)$(LOAD) --machines 1,10,100,1000 --both $(LOAD_FLAGS)

# Style and what a second compiler and a checker see.  Lines of other tools' formats
# (Syslinux, assembler) are theirs.
CHECK += lint
LINT_HOST_SRC := $(HOST_SRC) $(wildcard site/*.c) $(wildcard tests/unit/*.c tests/sim/*.c) \
	tests/tools/delay.c tests/tools/faultyfiles.c tests/tools/plaincopy.c \
	$(wildcard tests/tools/fakecrash/*.c tests/faults/breaker/*.c)
LINT_FORMAT_SRC := $(wildcard wire/*.[ch] site/*.[ch] server/*.[ch] include/netdump/*.h dini/*.[ch] \
	stub/*/*.[ch] com32/netdump/*.[ch] tests/unit/*.[ch] tests/sim/*.[ch] \
	tests/fuzz/*.[ch] tests/fuzz/shim/*.h tests/fuzz/shim/*/*.h tests/fuzz/shim/*/*/*.h \
	tests/tools/*.c tests/tools/standin/*.c tests/tools/fakecrash/*.[ch] tests/faults/breaker/*.[ch])
LINT_SHELL = $(shell grep -rlE -m1 --exclude='*.py' '^\#!/bin/(ba)?sh' scripts tests stub syslinux debian .ci 2>/dev/null) \
	server/netdumpd.bash-completion
.PHONY: lint
lint: $(B)/.setup-lint $(B)/.setup-server ## clang, cppcheck, shellcheck, clang-format, mandoc
	$(Q)for f in $(LINT_HOST_SRC); do \
		$(CLANG) $(HOST_CFLAGS) $(fence_TEST_FLAGS) -fsyntax-only $$f || exit 1; done
	$(Q)cppcheck --quiet --error-exitcode=1 --inline-suppr --enable=warning,portability \
		--suppress=missingIncludeSystem -Iinclude -I. wire server site
	$(Q)clang-format --dry-run -Werror $(LINT_FORMAT_SRC)
	$(Q)shellcheck $(LINT_SHELL)
	$(Q)mandoc -Tlint -Wwarning docs/man/*
