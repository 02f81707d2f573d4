# SPDX-License-Identifier: GPL-2.0-or-later
#
# Fuzzers: tests/fuzz/NAME.c with libFuzzer, each over a few parsers that belong together.
# What each has found or reached stands in tests/fuzz/corpus/NAME, and is run again on
# every check; fuzz_NAME_SRC says what is fuzzed, NAME.dict holds words that help.

FUZZ := wire secure net agent kernel hub files boot
comma := ,
FUZZ_DIR := $(B)/fuzz
FUZZ_SECONDS ?= 120
TIME ?= 600
FUZZ_CFLAGS := $(COMMON_CFLAGS) -O1 -g $(HOSTED) -fno-omit-frame-pointer \
	-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all $(FUZZ_PROFILE)

fuzz_wire_SRC := wire/message.c
fuzz_secure_SRC := $(WIRE_SRC)
fuzz_secure_LIBS := -lbearssl
fuzz_net_SRC := dini/net.c
fuzz_agent_SRC := tests/fuzz/server.c $(addprefix dini/,agent.c handshake.c pack.c) $(WIRE_SRC)
fuzz_agent_LIBS := -llz4 -lbearssl
fuzz_kernel_SRC := tests/fuzz/image.c wire/message.c $(addprefix server/,elfcore.c mem.c pages.c \
	kind.c log.c parts.c printk.c select.c stacks.c store.c sums.c verify.c vmcore.c vmcoreinfo.c xen.c xlat.c)
fuzz_kernel_LIBS := -laddrxlat -lelf -ljansson -lbearssl -lnettle

fuzz_hub_SRC := $(addprefix tests/fuzz/,disk.c folder.c image.c) server/verify.c \
	$(filter-out server/link.c server/loop.c server/catalogue.c server/modules.c $(STANDIN_SRC),$(SERVER_SRC)) $(WIRE_SRC) \
	$(addprefix dini/,agent.c handshake.c pack.c)
fuzz_hub_LIBS := $(NETDUMPD_LIBS)
fuzz_hub_LDFLAGS := $(addprefix -Wl$(comma)--wrap=,openat mkdirat renameat unlinkat write pwrite pread \
	ftruncate fallocate fsync fprintf)

fuzz_files_SRC := tests/fuzz/folder.c $(addprefix server/,catalogue.c keys.c modules.c) $(WIRE_SRC) $(NETDUMPCTL_SRC)
fuzz_files_LIBS := -larchive $(NETDUMPCTL_LIBS)
fuzz_server/netdumpctl_FLAGS := -Dmain=netdumpctl_main -Wno-missing-prototypes

# Code that runs without an operating system, over memory and calls that are made up.
fuzz_boot_SRC := tests/fuzz/stub.c tests/fuzz/acpi.c $(addprefix com32/netdump/,acpi.c fence.c lastwords.c lease.c options.c words.c) \
	$(addprefix stub/,common/find.c common/seal.c common/words.c multiboot/bootinfo.c \
	multiboot/ram.c) dini/memory.c dini/seal.c
fuzz_boot_FLAGS := -iquotetests/fuzz/shim -Itests/fuzz/shim -Isyslinux/overlay/com32/include \
	-Wno-int-to-void-pointer-cast
# A loader need not align what it leaves, and x86 does not mind.
fuzz_stub/multiboot/bootinfo_FLAGS := -fno-sanitize=alignment
$(foreach s,tests/fuzz/boot.c $(fuzz_boot_SRC),$(eval fuzz_$(s:.c=)_FLAGS += $(fuzz_boot_FLAGS)))

FUZZ_BIN := $(FUZZ:%=$(FUZZ_DIR)/%)
FUZZ_SRC := $(sort $(foreach f,$(FUZZ),tests/fuzz/$f.c $(fuzz_$f_SRC)))

$(FUZZ_SRC:%.c=$(FUZZ_DIR)/obj/%.o): $(FUZZ_DIR)/obj/%.o: %.c $(B)/.setup-server $(B)/.setup-fuzz
	$(call say,CC-FUZZ,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) $(fuzz_$*_FLAGS) -MMD -MP -c -o $@ $<

fuzz_objects = $(patsubst %.c,$(FUZZ_DIR)/obj/%.o,$(fuzz_$1_SRC))

.SECONDEXPANSION:
$(FUZZ_BIN): $(FUZZ_DIR)/%: $(FUZZ_DIR)/obj/tests/fuzz/%.o \
		$$(call fuzz_objects,$$*)
	$(call say,LD-FUZZ,$@)
	$(Q)$(CLANG) -fsanitize=fuzzer,address,undefined $(FUZZ_PROFILE) $(fuzz_$*_LDFLAGS) -o $@ $^ $(fuzz_$*_LIBS)

-include $(FUZZ_SRC:%.c=$(FUZZ_DIR)/obj/%.d)

# First inputs are made anew, in the forms that today's fuzzers take.
FUZZ_SEEDS := $(FUZZ_DIR)/seeds/made
$(FUZZ_SEEDS): tests/fuzz/seeds.py $(wildcard tests/tools/*.py) $(B)/.setup-check
	$(call say,SEEDS,$(@D))
	$(Q)rm -rf $(@D)
	$(Q)PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tests/fuzz/seeds.py $(@D)
	$(Q)touch $@

# Seconds: every input that once mattered, once more.
CHECK += check-corpus
.PHONY: check-corpus check-fuzz fuzz
check-corpus: $(FUZZ_BIN) $(FUZZ_SEEDS) ## the fuzzers' corpus, once, under the sanitizers
	$(Q)tests/fuzz/run corpus $(FUZZ_DIR) $(FUZZ)

CHECK += check-fuzz
check-fuzz: $(FUZZ_BIN) $(FUZZ_SEEDS) ## each fuzzer for FUZZ_SECONDS (120), two at a time
	$(Q)tests/fuzz/run $(FUZZ_SECONDS) $(FUZZ_DIR) $(FUZZ)

fuzz: $(FUZZ_BIN) $(FUZZ_SEEDS) ## each fuzzer for TIME seconds (600); FUZZ=NAME only that
	$(Q)tests/fuzz/run $(TIME) $(FUZZ_DIR) $(FUZZ)

# Corpora that change are committed like code: look at what `git diff --stat` says.
.PHONY: fuzz-merge fuzz-coverage fuzz-profile
fuzz-merge: $(FUZZ_BIN) $(FUZZ_SEEDS) ## keep in the tree what was found that reaches further
	$(Q)for f in $(FUZZ); do mkdir -p $(FUZZ_DIR)/found/$$f && tests/fuzz/merge $(FUZZ_DIR)/$$f \
		tests/fuzz/corpus/$$f $(FUZZ_DIR)/found/$$f $(FUZZ_DIR)/seeds/$$f || exit 1; done

fuzz-coverage: $(B)/.setup-fuzz ## how much of each file the corpus reaches
	$(Q)$(MAKE) --no-print-directory FUZZ_DIR=$(B)/fuzz-coverage fuzz-profile \
		FUZZ_PROFILE="-fprofile-instr-generate -fcoverage-mapping"

fuzz_profile = $(FUZZ_DIR)/$(f).profile
fuzz-profile: $(FUZZ_BIN) $(FUZZ_SEEDS)
	$(Q)$(foreach f,$(FUZZ),printf '%s\n' $f; \
		LLVM_PROFILE_FILE=$(fuzz_profile).raw $(FUZZ_DIR)/$f -runs=0 tests/fuzz/corpus/$f \
			$(FUZZ_DIR)/seeds/$f \
			>$(FUZZ_DIR)/$f.log 2>&1; \
		llvm-profdata merge -o $(fuzz_profile) $(fuzz_profile).raw && \
		llvm-cov report $(FUZZ_DIR)/$f -instr-profile=$(fuzz_profile) \
			$(filter-out tests/%,$(fuzz_$f_SRC)) | \
			awk '$$1 ~ /[.]c$$|^TOTAL/ {printf "  %-28s %5d lines %8s\n", $$1, $$8, $$10}';)
