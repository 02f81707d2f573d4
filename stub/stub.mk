# SPDX-License-Identifier: GPL-2.0-or-later
#
# The stubs: the crash image for stock Linux kernels, and the multiboot reference kernel.

STUB_CFLAGS := $(COMMON_CFLAGS) -Os -ffreestanding -fvisibility=hidden -fno-stack-protector \
	-fcf-protection=none -mgeneral-regs-only -fno-asynchronous-unwind-tables
STUB32_CFLAGS := $(STUB_CFLAGS) -m32 -march=i686 -fpie

STUB64_CFLAGS := $(STUB_CFLAGS) -O2 -fno-omit-frame-pointer -m64 -fno-pic -mno-red-zone -mcmodel=small

KEXEC_OBJ := $(addprefix $(B)/stub/kexec/,main.o note.o call.o block.o serial.o words.o find.o seal.o reason.o)
IMAGE_OBJ := $(addprefix $(B)/stub/kexec/,image-asm.o image.o reset.o) $(KEXEC_OBJ)
WRAP_OBJ := $(addprefix $(B)/stub/kexec/,wrap-asm.o wrap.o) $(KEXEC_OBJ)
FLAT_OBJ := $(addprefix $(B)/stub/kexec/,flat-asm.o flat.o block.o call.o serial.o find.o seal.o reason.o)
REF_OBJ := $(addprefix $(B)/stub/multiboot/,main.o bootinfo.o ram.o paging.o fill.o iommu.o edu.o trap.o core.o \
	crash.o fallback.o fault.o breaks.o chips.o machine.o nic.o flip.o string.o serial.o words.o find.o seal.o reason.o reset.o \
	vectors.o trampoline.o)
REF_IMAGES := $(addprefix $(B)/stub/,ref.elf ref-elf64.elf ref-aout.bin)

.PHONY: stub
stub: $(addprefix $(B)/stub/,netdump-kexec.elf netdump-wrap netdump-flat.bin) $(REF_IMAGES) ## the stubs that hand a crash over to DINI

$(B)/stub/kexec/%.o: stub/kexec/%.c | $(B)/.setup-build
	$(call say,CC32,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(STUB32_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/stub/kexec/%.o: stub/common/%.c | $(B)/.setup-build
	$(call say,CC32,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(STUB32_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/stub/kexec/flat.o: stub/linux/flat.c | $(B)/.setup-build
	$(call say,CC32,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(STUB32_CFLAGS) -MMD -MP -c -o $@ $<

KEXEC_NASM = $(Q)$(NASM) -f elf32 -Wall -Werror -o $@ $<

$(B)/stub/kexec/%-asm.o: stub/kexec/%.asm | $(B)/.setup-build
	$(call say,NASM,$<)
	$(Q)mkdir -p $(@D)
	$(KEXEC_NASM)

$(B)/stub/kexec/flat-asm.o: stub/linux/flat.asm | $(B)/.setup-build
	$(call say,NASM,$<)
	$(Q)mkdir -p $(@D)
	$(KEXEC_NASM)

$(B)/stub/kexec/call.o: stub/kexec/call.asm | $(B)/.setup-build
	$(call say,NASM,$<)
	$(Q)mkdir -p $(@D)
	$(KEXEC_NASM)

# -pie makes it ET_DYN, which is what makes kexec-tools look for a place for it.
KEXEC_LD = $(Q)ld -m elf_i386 -pie --no-dynamic-linker -z noexecstack -z norelro \
	--no-warn-rwx-segments --build-id=none -s -o $@

$(B)/stub/netdump-kexec.elf: $(IMAGE_OBJ) stub/kexec/image.ld
	$(call say,LD,$@)
	$(KEXEC_LD) -T stub/kexec/image.ld $(IMAGE_OBJ)

$(B)/stub/kexec/wrap.elf: $(WRAP_OBJ) stub/kexec/wrap.ld
	$(call say,LD,$@)
	$(KEXEC_LD) -T stub/kexec/wrap.ld $(WRAP_OBJ)

$(B)/stub/kexec/flat.elf: $(FLAT_OBJ) stub/linux/flat.ld
	$(call say,LD,$@)
	$(KEXEC_LD) -T stub/linux/flat.ld $(FLAT_OBJ)

# netdump-wrap finds its part beside itself; netdump.ko's is assembled into it.
$(B)/stub/netdump-wrap.bin $(B)/stub/netdump-flat.bin: $(B)/stub/netdump-%.bin: $(B)/stub/kexec/%.elf
	$(call say,OBJCOPY,$@)
	$(Q)objcopy -O binary -j .part $< $@

$(B)/stub/netdump-wrap: stub/kexec/netdump-wrap $(B)/stub/netdump-wrap.bin
	$(Q)install $< $@

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

# netdump.ko for the kernel that runs, or whose headers KDIR has.  Kbuild writes beside its sources,
# so they are copied.
KDIR ?= /lib/modules/$(shell uname -r)/build
module_sources = mkdir -p $1/stub $1/include && cp -ru stub/linux stub/common $1/stub && \
	cp -ru include/netdump $1/include && cp -u $(B)/stub/netdump-flat.bin $1/stub/linux/flat.bin

.PHONY: module
module: $(B)/stub/netdump-flat.bin ## netdump.ko, for KDIR's kernel; it is in build/module/stub/linux
	$(Q)$(call module_sources,$(B)/module)
	$(Q)$(MAKE) -C $(KDIR) M=$(abspath $(B)/module/stub/linux) $(KFLAGS) modules

# netdump.ko's programs are none of DKMS's business.
DKMS_TREE := $(B)/dkms/netdump-$(VERSION)
.PHONY: dkms
dkms: $(B)/stub/netdump-flat.bin ## netdump.ko's sources as DKMS takes them: build/dkms/netdump-VERSION
	$(Q)rm -rf $(DKMS_TREE)
	$(Q)$(call module_sources,$(DKMS_TREE))
	$(Q)rm $(DKMS_TREE)/stub/linux/netdump-* $(DKMS_TREE)/stub/linux/*.in
	$(Q)sed 's/@VERSION@/$(VERSION)/' stub/linux/dkms.conf.in > $(DKMS_TREE)/dkms.conf

# What a crashing machine needs: programs in PREFIX/sbin are links, for they look for their parts
# beside themselves.
CRASH_PARTS := $(addprefix $(B)/stub/,netdump-kexec.elf netdump-wrap netdump-wrap.bin)
CRASH_LIB := $(PREFIX)/lib/netdump
CRASH_PROGRAMS := netdump-wrap netdump-status netdump-send netdump-test netdump-drivers
INSTALLS += install-crash install-dkms
.PHONY: crash-parts install-crash install-dkms
crash-parts: $(CRASH_PARTS)
install-crash: crash-parts
	$(Q)$(call install_files,644,$(CRASH_LIB),$(filter %.elf %.bin,$(CRASH_PARTS)) stub/linux/netdump-session.sh)
	$(Q)$(call install_files,755,$(CRASH_LIB),$(B)/stub/netdump-wrap \
		$(addprefix stub/linux/,$(filter-out netdump-wrap,$(CRASH_PROGRAMS))))
	$(Q)mkdir -p $(DESTDIR)$(PREFIX)/sbin
	$(Q)ln -sft $(DESTDIR)$(PREFIX)/sbin $(CRASH_PROGRAMS:%=../lib/netdump/%)
	$(Q)$(call install_files,644,$(PREFIX)/share/man/man8,$(CRASH_PROGRAMS:%=docs/man/%.8))

install-dkms: dkms
	$(Q)cd $(DKMS_TREE) && find . -type f -exec install -D -m 644 {} \
		$(abspath $(DESTDIR)/)$(PREFIX)/src/$(notdir $(DKMS_TREE))/{} \;
	$(Q)$(call install_as,644,stub/linux/netdump.modules-load,$(PREFIX)/lib/modules-load.d/netdump.conf)

-include $(sort $(IMAGE_OBJ:.o=.d) $(WRAP_OBJ:.o=.d) $(FLAT_OBJ:.o=.d)) $(REF_OBJ:.o=.d)

# Tests: what does no I/O on this machine, the images in a bare guest.
UNIT_TESTS += words find ram seal
words_TEST_SRC := stub/common/words.c
find_TEST_SRC := stub/common/find.c
ram_TEST_SRC := stub/multiboot/ram.c
seal_TEST_SRC := stub/common/seal.c dini/seal.c
seal_TEST_FLAGS := -iquotetests/fuzz/shim -Itests/fuzz/shim

STUB_FAKES := $(addprefix $(B)/tests/,fake_dini.bin fake_purgatory.bin fake_loader.bin fake_kernel.bin)

$(STUB_FAKES) $(B)/tests/fake_undi.bin: $(B)/tests/%.bin: tests/guest/%.asm | $(B)/.setup-build
	$(call say,NASM,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(NASM) -f bin -Wall -Werror -o $@ $<

$(B)/tests/fake_undi.bin: tests/guest/hang.asm
$(B)/tests/fake_loader.bin $(B)/tests/fake_kernel.bin: tests/guest/fake_boot.inc

CHECK += check-crash-image check-ref
.PHONY: check-crash-image check-ref
check-crash-image: $(addprefix $(B)/stub/,netdump-kexec.elf netdump-wrap) $(STUB_FAKES) $(B)/.setup-check $(B)/.setup-lab ## the crash image and a wrapped kernel in a bare guest
	$(Q)$(PYTEST) tests/guest/test_crash_image.py \
		tests/guest/test_wrap.py

check-ref: $(REF_IMAGES) $(STUB_FAKES) $(B)/.setup-check $(B)/.setup-lab ## the reference kernel in a bare guest
	$(Q)$(PYTEST) tests/guest/test_ref.py
