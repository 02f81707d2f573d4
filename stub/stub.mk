# SPDX-License-Identifier: GPL-2.0-or-later
#
# The stubs: the crash image for stock Linux kernels, and the multiboot reference kernel.

STUB_CFLAGS := $(COMMON_CFLAGS) -Os -ffreestanding -fvisibility=hidden -fno-stack-protector \
	-fcf-protection=none -mgeneral-regs-only -fno-asynchronous-unwind-tables
STUB32_CFLAGS := $(STUB_CFLAGS) -m32 -march=i686 -fpie

STUB64_CFLAGS := $(STUB_CFLAGS) -O2 -m64 -fno-pic -mno-red-zone -mcmodel=small

KEXEC_OBJ := $(addprefix $(B)/stub/kexec/,entry.o main.o serial.o words.o find.o seal.o)
REF_OBJ := $(addprefix $(B)/stub/multiboot/,main.o bootinfo.o ram.o paging.o fill.o iommu.o edu.o trap.o core.o \
	crash.o fault.o breaks.o chips.o nic.o string.o serial.o words.o find.o seal.o vectors.o trampoline.o)
REF_IMAGES := $(addprefix $(B)/stub/,ref.elf ref-elf64.elf ref-aout.bin)

.PHONY: stub
stub: $(B)/stub/netdump-kexec.elf $(REF_IMAGES) ## the stubs that hand a crash over to DINI

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

$(B)/stub/multiboot/%.o: stub/multiboot/%.c | $(B)/.setup-build
	$(call say,CC64,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(STUB64_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/stub/multiboot/%.o: stub/common/%.c | $(B)/.setup-build
	$(call say,CC64,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(STUB64_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/stub/multiboot/%.o: tests/faults/breaker/%.c | $(B)/.setup-build
	$(call say,CC64,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(STUB64_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/stub/multiboot/%.o: stub/multiboot/%.asm | $(B)/.setup-build
	$(call say,NASM,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(NASM) -f elf64 -Wall -Werror -o $@ $<

$(B)/stub/multiboot/head-aout.o: stub/multiboot/head.asm | $(B)/.setup-build
	$(call say,NASM,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(NASM) -f elf64 -Wall -Werror -DAOUT -o $@ $<

REF_LD = $(Q)ld -m elf_x86_64 -z noexecstack -z max-page-size=4096 --no-warn-rwx-segments \
	--build-id=none -s -T stub/multiboot/ref.ld -o $@

# The same code in the three forms a multiboot loader has to know.
$(B)/stub/ref-elf64.elf: $(B)/stub/multiboot/head.o $(REF_OBJ) stub/multiboot/ref.ld
	$(call say,LD,$@)
	$(REF_LD) $< $(REF_OBJ)

$(B)/stub/ref.elf: $(B)/stub/ref-elf64.elf
	$(call say,OBJCOPY,$@)
	$(Q)objcopy -O elf32-i386 $< $@

$(B)/stub/multiboot/ref-aout.elf: $(B)/stub/multiboot/head-aout.o $(REF_OBJ) stub/multiboot/ref.ld
	$(call say,LD,$@)
	$(REF_LD) $< $(REF_OBJ)

$(B)/stub/ref-aout.bin: $(B)/stub/multiboot/ref-aout.elf
	$(call say,OBJCOPY,$@)
	$(Q)objcopy -O binary $< $@

-include $(KEXEC_OBJ:.o=.d) $(REF_OBJ:.o=.d)

# Tests: what does no I/O on this machine, the images in a bare guest.
UNIT_TESTS += words find ram
words_TEST_SRC := stub/common/words.c
find_TEST_SRC := stub/common/find.c
ram_TEST_SRC := stub/multiboot/ram.c

STUB_FAKES := $(B)/tests/fake_dini.bin $(B)/tests/fake_purgatory.bin

$(STUB_FAKES) $(B)/tests/fake_undi.bin: $(B)/tests/%.bin: tests/guest/%.asm | $(B)/.setup-build
	$(call say,NASM,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(NASM) -f bin -Wall -Werror -o $@ $<

$(B)/tests/fake_undi.bin: tests/guest/hang.asm

CHECK += check-crash-image check-ref
.PHONY: check-crash-image check-ref
check-crash-image: $(B)/stub/netdump-kexec.elf $(STUB_FAKES) $(B)/.setup-check $(B)/.setup-lab ## the crash image in a bare guest
	$(Q)$(PYTHON) -m pytest -q -p no:cacheprovider tests/guest/test_crash_image.py

check-ref: $(REF_IMAGES) $(STUB_FAKES) $(B)/.setup-check $(B)/.setup-lab ## the reference kernel in a bare guest
	$(Q)$(PYTHON) -m pytest -q -p no:cacheprovider tests/guest/test_ref.py
