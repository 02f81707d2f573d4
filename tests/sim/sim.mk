# SPDX-License-Identifier: GPL-2.0-or-later
#
# The simulator: DINI's agents and netdumpd's hub on virtual time, over a network and a disk
# that are made up.

SEEDS ?= 1000
JOBS ?= 1
SIM_DIR := $(B)/tests
SIM_OWN := $(sort $(wildcard tests/sim/*.c))
SIM_SRC := $(SIM_OWN) tests/fuzz/image.c server/partial.c $(WIRE_SRC) \
	$(filter-out server/link.c server/loop.c,$(SERVER_SRC)) \
	$(addprefix dini/,agent.c handshake.c pack.c)
# No _FORTIFY_SOURCE: its calls have other names than those that are wrapped.
SIM_CFLAGS := $(COMMON_CFLAGS) -O2 -g -D_GNU_SOURCE
SIM_LDFLAGS := $(addprefix -Wl$(comma)--wrap=,openat close mkdirat renameat unlinkat write pwrite \
	pread ftruncate fallocate fsync fdatasync fstat fstatat fstatvfs fdopendir readdir closedir \
	fprintf)

$(SIM_SRC:%.c=$(B)/sim/%.o): $(B)/sim/%.o: %.c $(B)/.setup-server
	$(call say,CC-SIM,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(SIM_CFLAGS) -MMD -MP -c -o $@ $<

$(SIM_SRC:%.c=$(B)/sim-san/%.o): $(B)/sim-san/%.o: %.c $(B)/.setup-server
	$(call say,CC-SIM-SAN,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(SAN_CFLAGS) -MMD -MP -c -o $@ $<

$(SIM_DIR)/sim: $(SIM_SRC:%.c=$(B)/sim/%.o)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(SIM_LDFLAGS) -o $@ $^ $(NETDUMPD_LIBS)

$(SIM_DIR)/sim-san: $(SIM_SRC:%.c=$(B)/sim-san/%.o)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -fsanitize=address,undefined $(SIM_LDFLAGS) -o $@ $^ $(NETDUMPD_LIBS)

-include $(SIM_SRC:%.c=$(B)/sim/%.d) $(SIM_SRC:%.c=$(B)/sim-san/%.d)

.PHONY: sim sim-rates check-sim
sim: $(SIM_DIR)/sim ## SEEDS (1000) whole dumps over bad networks and disks, on JOBS processes
	$(Q)$(SIM_DIR)/sim --seeds $(SEEDS) --jobs $(JOBS)

sim-rates: $(SIM_DIR)/sim ## how fast one machine is over lines that lose, and many at one port
	$(Q)$(SIM_DIR)/sim --rates

CHECK += check-sim
CHECK_SEEDS := 150
check-sim: $(SIM_DIR)/sim-san $(B)/.setup-check ## some seeds under the sanitizers, and whether the simulator finds what is broken
	$(Q)$(SIM_DIR)/sim-san --seeds $(CHECK_SEEDS)
	$(Q)NETDUMP_SIM=$(SIM_DIR)/sim-san $(PYTEST) tests/sim
