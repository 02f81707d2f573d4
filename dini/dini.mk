# SPDX-License-Identifier: GPL-2.0-or-later
#
# DINI: one flat freestanding image, linked with Debian's static liblz4 and libbearssl.
# Objects are C for long mode; the 32-bit parts are assembly.

DINI_DIR := $(B)/dini
DINI_ASM := start gate vectors leave
DINI_C := libc console clock action exception quiesce alarm firmware config masters iommu chipset lines \
	cpu registers watchdog pci link reset chip memory flight undi seal net pack \
	handshake agent entropy session living visit
DINI_OBJ := $(DINI_ASM:%=$(DINI_DIR)/%.asm.o) $(DINI_C:%=$(DINI_DIR)/%.o) \
	$(WIRE_SRC:wire/%.c=$(DINI_DIR)/wire-%.o)

# No red zone: exceptions use the stack they find.  No loop turned into a call of the
# very function that it is the body of.  Builtins all the same: without them the copy of a word
# is a call.
# No GOT relaxation in the link: it would put addresses of 1 TiB into 32 bits.
DINI_CFLAGS := $(COMMON_CFLAGS) -O2 -g -m64 -ffreestanding -fbuiltin -fpie -mno-red-zone \
	-msse2 \
	-fvisibility=hidden -fno-stack-protector -fno-asynchronous-unwind-tables \
	-fno-tree-loop-distribute-patterns -fcf-protection=none -ffunction-sections -fdata-sections

.PHONY: dini
dini: $(addprefix $(DINI_DIR)/,dini.bin frames.bin) ## build DINI, the crash-side image

$(DINI_DIR)/%.asm.o: dini/%.asm dini/boot.inc $(B)/.setup-build
	$(call say,NASM,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(NASM) -f elf64 -Werror -o $@ $<

$(DINI_DIR)/%.o: dini/%.c $(B)/.setup-build
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(DINI_CFLAGS) -MMD -c -o $@ $<

$(DINI_DIR)/wire-%.o: wire/%.c $(B)/.setup-build
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(DINI_CFLAGS) -MMD -c -o $@ $<

# Each image is the parts and a main; that of frames.bin measures the firmware, for scripts/lab undi.
$(DINI_DIR)/dini.elf: $(DINI_DIR)/main.o
$(DINI_DIR)/frames.elf: $(DINI_DIR)/frames.o
$(DINI_DIR)/dini.elf $(DINI_DIR)/frames.elf: $(DINI_OBJ) dini/dini.ld
	$(call say,LD,$@)
	$(Q)ld -static --gc-sections --no-relax --no-warn-rwx-segments -z noexecstack \
		-T dini/dini.ld -Map $(@:.elf=.map) -o $@ $(filter %.o,$^) \
		$(shell $(CC) -print-file-name=liblz4.a) \
		$(shell $(CC) -print-file-name=libbearssl.a)

$(DINI_DIR)/%.bin: $(DINI_DIR)/%.elf
	$(call say,BIN,$@)
	$(Q)objcopy -O binary -j .image $< $@

-include $(wildcard $(DINI_DIR)/*.d)

# The guest image that enters DINI in QEMU, for tests/guest/dini_guest.
GUEST_DIR := $(B)/tests/guest
GUEST_OBJ := $(addprefix $(GUEST_DIR)/,boot.o bare.o fake_gate.o dini_guest.o contents.o lz4.o \
	nic.o upset.o flips.o relay.o net.o message.o steps.o acpi.o seal.o)
GUEST_CFLAGS := $(COMMON_CFLAGS) -O2 -m32 -march=i686 -ffreestanding -fno-pie \
	-fno-stack-protector -fno-asynchronous-unwind-tables -fno-tree-loop-distribute-patterns \
	-isystem tests/guest/freestanding
CHECK += check-guest

.PHONY: check-guest
check-guest: $(addprefix $(B)/tests/,dini_guest.elf gate.bin fake_rom.bin) $(DINI_DIR)/dini.bin $(B)/.setup-check $(B)/.setup-lab ## DINI in QEMU, gate and server faked
	$(Q)tests/guest/dini_guest $(B)
	$(Q)PYTHONPATH=tests/tools $(PYTEST) \
		tests/guest/test_dini.py tests/guest/test_sealed.py

$(GUEST_DIR)/%.o: tests/guest/%.asm $(B)/.setup-build
	$(call say,NASM,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(NASM) -f elf32 -Werror -o $@ $<

$(GUEST_DIR)/%.o: tests/guest/%.c $(B)/.setup-build
	$(call say,CC32,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(GUEST_CFLAGS) -MMD -c -o $@ $<

# The fault tests break these functions of DINI.
dini_offset = 0x$$(nm $(DINI_DIR)/dini.elf | sed -n 's/^0000010000*\(.*\) [tT] $1$$/\1/p')
$(GUEST_DIR)/dini_guest.o: GUEST_CFLAGS += -Isyslinux/overlay/com32/include
$(GUEST_DIR)/dini_guest.o: tests/guest/dini_guest.c $(DINI_DIR)/dini.elf
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(GUEST_CFLAGS) -MMD -c -o $@ $< \
		-DFAULT_OFFSET=$(call dini_offset,nd_agent_input) \
		-DCHECK_OFFSET=$(call dini_offset,nd_seal_check)

$(GUEST_DIR)/net.o: dini/net.c $(B)/.setup-build
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(GUEST_CFLAGS) -MMD -c -o $@ $<

$(GUEST_DIR)/acpi.o: com32/netdump/acpi.c $(B)/.setup-build
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(GUEST_CFLAGS) -MMD -c -o $@ $<

$(GUEST_DIR)/alarm.o: dini/alarm.c $(B)/.setup-build
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(GUEST_CFLAGS) -MMD -c -o $@ $<

$(GUEST_DIR)/seal.o: stub/common/seal.c $(B)/.setup-build
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(GUEST_CFLAGS) -MMD -c -o $@ $<

$(GUEST_DIR)/message.o $(GUEST_DIR)/steps.o: $(GUEST_DIR)/%.o: wire/%.c $(B)/.setup-build
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(GUEST_CFLAGS) -MMD -c -o $@ $<

$(B)/tests/dini_guest.elf: $(GUEST_OBJ) tests/guest/guest.ld
	$(call say,LD,$@)
	$(Q)ld -m elf_i386 -static --no-warn-rwx-segments -z noexecstack -T tests/guest/guest.ld \
		-o $@ $(GUEST_OBJ)

# Not where the guest's handoff block lies.
$(B)/tests/fake_rom.bin: tests/guest/fake_rom.asm tests/guest/hang.asm $(B)/.setup-build
	$(call say,NASM,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(NASM) -f bin -Wall -Werror -DUNDI_SEG=0x5000 -o $@ $<

-include $(wildcard $(GUEST_DIR)/*.d)

UNIT_TESTS += dini_net dini_agent dini_take dini_sealed iommu registers
dini_net_TEST_SRC := dini/net.c
iommu_TEST_SRC := dini/iommu.c
registers_TEST_SRC := dini/registers.c
AGENT_SRC := dini/agent.c dini/handshake.c dini/pack.c $(WIRE_SRC)
dini_agent_TEST_SRC := $(AGENT_SRC)
dini_agent_TEST_LIBS := -llz4 -lbearssl
dini_take_TEST_SRC := $(AGENT_SRC)
dini_take_TEST_LIBS := -llz4 -lbearssl
dini_sealed_TEST_SRC := $(AGENT_SRC)
dini_sealed_TEST_LIBS := -llz4 -lbearssl

UNIT_TESTS += reset chip flight
flight_TEST_SRC := dini/flight.c
reset_TEST_SRC := dini/reset.c dini/pci.c dini/link.c tests/unit/pcimodel.c
chip_TEST_SRC := dini/chip.c dini/pci.c dini/link.c tests/unit/pcimodel.c
chip_TEST_FLAGS := -iquotetests/fuzz/shim -Itests/fuzz/shim
