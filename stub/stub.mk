# SPDX-License-Identifier: GPL-2.0-or-later
#
# The stubs: the crash image for stock Linux kernels.

STUB_CFLAGS := $(COMMON_CFLAGS) -Os -ffreestanding -fvisibility=hidden -fno-stack-protector \
	-fcf-protection=none -mgeneral-regs-only -fno-asynchronous-unwind-tables
STUB32_CFLAGS := $(STUB_CFLAGS) -m32 -march=i686 -fpie

KEXEC_OBJ := $(addprefix $(B)/stub/kexec/,entry.o main.o serial.o words.o find.o)

.PHONY: stub
stub: $(B)/stub/netdump-kexec.elf ## the stubs that hand a crash over to DINI

$(B)/stub/kexec/%.o: stub/kexec/%.c | $(B)/.setup-build
	$(call say,CC32,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(STUB32_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/stub/kexec/%.o: stub/common/%.c | $(B)/.setup-build
	$(call say,CC32,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(STUB32_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/stub/kexec/entry.o: stub/kexec/entry.asm | $(B)/.setup-build
	$(call say,NASM,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(NASM) -f elf32 -Wall -Werror -o $@ $<

# -pie makes it ET_DYN, which is what makes kexec-tools look for a place for it.
$(B)/stub/netdump-kexec.elf: $(KEXEC_OBJ) stub/kexec/kexec.ld
	$(call say,LD,$@)
	$(Q)ld -m elf_i386 -pie --no-dynamic-linker -z noexecstack -z norelro --no-warn-rwx-segments \
		--build-id=none -s -T stub/kexec/kexec.ld -o $@ $(KEXEC_OBJ)

-include $(KEXEC_OBJ:.o=.d)

# Tests: the command line reader on this machine, the image in a bare guest.
UNIT_TESTS += words
words_TEST_SRC := stub/common/words.c

STUB_FAKES := $(B)/tests/fake_dini.bin $(B)/tests/fake_purgatory.bin

$(STUB_FAKES): $(B)/tests/%.bin: tests/guest/%.asm | $(B)/.setup-build
	$(call say,NASM,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(NASM) -f bin -Wall -Werror -o $@ $<

CHECK += check-crash-image
.PHONY: check-crash-image
check-crash-image: $(B)/stub/netdump-kexec.elf $(STUB_FAKES) $(B)/.setup-check $(B)/.setup-lab ## the crash image in a bare guest
	$(Q)$(PYTHON) -m pytest -q -p no:cacheprovider tests/guest/test_crash_image.py
