# SPDX-License-Identifier: GPL-2.0-or-later
# The distribution: Debian's Syslinux with our patches and overlay, as a TFTP root.

SYSLINUX_TREE := $(B)/syslinux/src
SYSLINUX_OURS := $(shell find syslinux com32 include -type f)
TFTPBOOT := $(B)/tftpboot
# Debian's changelog date of the pinned version, so that the build is repeatable.
SYSLINUX_DATE := DATE=20210116 HEXDATE=0x60023dbd PYTHON=python3

.PHONY: dist
dist: $(TFTPBOOT)/.done $(TFTPBOOT)/dini.bin ## build the TFTP root, build/tftpboot

$(SYSLINUX_TREE)/.built: $(SYSLINUX_OURS) $(B)/.setup-build
	$(call say,SYSLINX,$(SYSLINUX_TREE))
	$(Q)syslinux/prepare $(B)/downloads $(SYSLINUX_TREE)
	$(Q)$(MAKE) --no-print-directory -C $(SYSLINUX_TREE) bios $(SYSLINUX_DATE) \
		> $(B)/syslinux/build.log 2>&1 || \
		{ grep -E 'error|warning: .*netdump' $(B)/syslinux/build.log | head -40; \
		  echo "the Syslinux build failed: $(B)/syslinux/build.log"; exit 1; }
	$(Q)touch $@

$(TFTPBOOT)/.done: $(SYSLINUX_TREE)/.built
	$(call say,DIST,$(TFTPBOOT))
	$(Q)mkdir -p $(TFTPBOOT)
	$(Q)cp $(SYSLINUX_TREE)/bios/core/pxelinux.0 $(SYSLINUX_TREE)/bios/core/lpxelinux.0 $(TFTPBOOT)/
	$(Q)find $(SYSLINUX_TREE)/bios/com32 -name '*.c32' ! -path '*/samples/*' \
		-exec cp {} $(TFTPBOOT)/ \;
	$(Q)touch $@

$(TFTPBOOT)/dini.bin: $(B)/dini/dini.bin $(TFTPBOOT)/.done
	$(Q)cp $< $@
