# SPDX-License-Identifier: GPL-2.0-or-later
#
# DINI: one flat freestanding image, linked with Debian's static liblz4.  Objects are
# C for long mode; the 32-bit parts are assembly.

DINI_DIR := $(B)/dini
DINI_ASM := start gate vectors
DINI_C := libc console clock action exception quiesce pci memory undi seal net pack agent main
DINI_OBJ := $(DINI_ASM:%=$(DINI_DIR)/%.asm.o) $(DINI_C:%=$(DINI_DIR)/%.o) \
	$(DINI_DIR)/wire-message.o

# No red zone: exceptions use the stack they find.  No loop turned into a call of the
# very function that it is the body of.
# No GOT relaxation in the link: it would put addresses of 1 TiB into 32 bits.
DINI_CFLAGS := $(COMMON_CFLAGS) -O2 -g -m64 -ffreestanding -fpie -mno-red-zone -msse2 \
	-fvisibility=hidden -fno-stack-protector -fno-asynchronous-unwind-tables \
	-fno-tree-loop-distribute-patterns -fcf-protection=none -ffunction-sections -fdata-sections

.PHONY: dini
dini: $(DINI_DIR)/dini.bin ## build DINI, the crash-side image

$(DINI_DIR)/%.asm.o: dini/%.asm dini/boot.inc $(B)/.setup-build
	$(call say,NASM,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(NASM) -f elf64 -Werror -o $@ $<

$(DINI_DIR)/%.o: dini/%.c $(B)/.setup-build
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(DINI_CFLAGS) -MMD -c -o $@ $<

$(DINI_DIR)/wire-message.o: wire/message.c $(B)/.setup-build
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(DINI_CFLAGS) -MMD -c -o $@ $<

$(DINI_DIR)/dini.elf: $(DINI_OBJ) dini/dini.ld
	$(call say,LD,$@)
	$(Q)ld -static --gc-sections --no-relax --no-warn-rwx-segments -z noexecstack \
		-T dini/dini.ld -Map $(@:.elf=.map) -o $@ $(DINI_OBJ) \
		$(shell $(CC) -print-file-name=liblz4.a)

$(DINI_DIR)/dini.bin: $(DINI_DIR)/dini.elf
	$(call say,BIN,$@)
	$(Q)objcopy -O binary -j .image $< $@

-include $(wildcard $(DINI_DIR)/*.d)
