# SPDX-License-Identifier: GPL-2.0-or-later
# The distribution: Debian's Syslinux with our patches and overlay, as a TFTP root.

SYSLINUX_TREE := $(B)/syslinux/src
SYSLINUX_OURS := $(shell find syslinux com32 include -type f)
TFTPBOOT := $(B)/tftpboot
# Debian's changelog date of the pinned version, so that the build is repeatable.
SYSLINUX_DATE := DATE=20210116 HEXDATE=0x60023dbd PYTHON=python3

# Where it was built is nobody's business, and would make the result differ.
SYSLINUX_CC := gcc -ffile-prefix-map=$(abspath $(SYSLINUX_TREE))=syslinux

.PHONY: dist
dist: $(TFTPBOOT)/.done $(TFTPBOOT)/dini.bin ## build the TFTP root, build/tftpboot
	$(Q)if grep -rlF '$(abspath $(B))' $(TFTPBOOT); then \
		echo "dist: the files above hold the path of this build"; exit 1; fi

# Written anew only when another tree is asked for.
SYSLINUX_FROM := $(B)/syslinux/.from
.PHONY: always
$(SYSLINUX_FROM): always
	$(Q)mkdir -p $(@D)
	$(Q)echo '$(SYSLINUX_SRC)' | cmp -s - $@ || echo '$(SYSLINUX_SRC)' > $@

# Flags in the environment are meant for programs of this system.
$(SYSLINUX_TREE)/.built: $(SYSLINUX_OURS) $(SYSLINUX_FROM) $(B)/.setup-build
	$(call say,SYSLINX,$(SYSLINUX_TREE))
	$(Q)syslinux/prepare $(B)/downloads $(SYSLINUX_TREE)
	$(Q)env -u CFLAGS -u CPPFLAGS -u LDFLAGS -u ASFLAGS \
		$(MAKE) --no-print-directory -C $(SYSLINUX_TREE) bios $(SYSLINUX_DATE) \
		CC='$(SYSLINUX_CC)' > $(B)/syslinux/build.log 2>&1 || \
		{ grep -E 'error|warning: .*netdump' $(B)/syslinux/build.log | head -40; \
		  echo "the Syslinux build failed: $(B)/syslinux/build.log"; exit 1; }
	$(Q)touch $@

$(TFTPBOOT)/.done: $(SYSLINUX_TREE)/.built
	$(call say,DIST,$(TFTPBOOT))
	$(Q)mkdir -p $(TFTPBOOT)
	$(Q)rm -f $(TFTPBOOT)/*.c32 $(TFTPBOOT)/*.0
	$(Q)cp $(SYSLINUX_TREE)/bios/core/pxelinux.0 $(SYSLINUX_TREE)/bios/core/lpxelinux.0 $(TFTPBOOT)/
	$(Q)find $(SYSLINUX_TREE)/bios/com32 -name '*.c32' ! -path '*/samples/*' \
		-exec cp {} $(TFTPBOOT)/ \;
	$(Q)touch $@

INSTALLS += install-boot
.PHONY: install-boot
install-boot: dist
	$(Q)$(call install_files,644,$(PREFIX)/lib/pxelinux-netdump,\
		$(TFTPBOOT)/*.0 $(TFTPBOOT)/*.c32 $(TFTPBOOT)/dini.bin)
	$(Q)$(call install_files,644,$(PREFIX)/share/doc/pxelinux-netdump/examples/pxelinux.cfg,\
		$(addprefix pxelinux.cfg/,default look C0A80 01-52-54-00-12-34-56))
	$(Q)$(call install_files,644,$(PREFIX)/share/man/man7,docs/man/netdump.c32.7)

# The gate by itself, over firmware that plays a script.
GATE_GUEST_OBJ := $(addprefix $(GUEST_DIR)/,boot.o bare.o gate_guest.o alarm.o)
$(GUEST_DIR)/gate_guest.o: GUEST_CFLAGS += -Isyslinux/overlay/com32/include

CHECK += check-gate
.PHONY: check-gate
check-gate: $(addprefix $(B)/tests/,gate_guest.elf gate.bin fake_undi.bin) $(B)/.setup-check $(B)/.setup-lab ## the gate in QEMU, over fake firmware
	$(Q)$(PYTEST) tests/guest/test_gate.py

$(B)/tests/gate.bin: syslinux/overlay/core/fs/pxe/gate.asm $(B)/.setup-build
	$(call say,NASM,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(NASM) -f bin -Werror -o $@ $<

$(B)/tests/gate_guest.elf: $(GATE_GUEST_OBJ) tests/guest/guest.ld
	$(call say,LD,$@)
	$(Q)ld -m elf_i386 -static --no-warn-rwx-segments -z noexecstack -T tests/guest/guest.ld \
		-o $@ $(GATE_GUEST_OBJ)

$(TFTPBOOT)/dini.bin: $(B)/dini/dini.bin $(TFTPBOOT)/.done
	$(Q)cp $< $@
