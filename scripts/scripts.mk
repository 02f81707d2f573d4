# SPDX-License-Identifier: GPL-2.0-or-later
#
# The lab.  The demonstration is one run of it, for a person to watch; without root
# it takes QEMU's own network.

DEMO_OUT := $(B)/demo

.PHONY: demo
demo: dist stub server breaker $(B)/.setup-lab ## boot Debian's kernel, crash it, receive and check its dump
	$(Q)rm -rf $(DEMO_OUT)
	$(Q)scripts/lab run --system linux --nic e1000 --check --out $(DEMO_OUT) \
		--net $$([ "$$(id -u)" = 0 ] && echo dnsmasq || echo user)
	$(Q)printf '\nTry next:\n'
	$(Q)printf '  build/server/netdumpctl --dir %s/dumps list\n' $(DEMO_OUT)
	$(Q)printf '  crash --osrelease %s\n' $(DEMO_OUT)/dumps/*/*/vmcore
	$(Q)printf '  scripts/lab run --nic rtl8139 --cpus 2 --crash-cpu 1 --check\n'
	$(Q)printf '  scripts/lab run --loss 5 --event server-kill --check\n'

# What loss costs; not a check, since only an idle machine has something to say about it.
.PHONY: lab-rates
lab-rates: dist stub server $(B)/.setup-lab ## the rate of a dump with 1 % and 5 % loss, as shares
	$(Q)scripts/lab rates

# Nor is this: the firmware's frames a second, which bound a dump's.
.PHONY: lab-undi
lab-undi: dist stub dini $(B)/.setup-lab ## frames a second of each NIC's firmware, by the batch
	$(Q)scripts/lab undi

# An hour or more; what is in build/bench already is not measured again.
.PHONY: bench
bench: dist stub server fakecrash delay $(B)/.setup-lab $(B)/.setup-analysis $(B)/.setup-bench ## how fast: beside kdump, raw UNDI and a plain copy, and the targets
	$(Q)scripts/lab bench $(BENCH_FLAGS)

# Systems that print every memory map that they can get at.
MAPS_GUESTS := $(B)/tests/maps.bzimage $(B)/tests/maps.multiboot
$(B)/tests/maps.multiboot: MAPS_FORM := -DMULTIBOOT
$(MAPS_GUESTS): tests/guest/maps.asm $(B)/.setup-build
	$(call say,NASM,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(NASM) -f bin -Wall -Werror $(MAPS_FORM) -o $@ $<

# Hours: results are kept in build/matrix, and what is there is not made again.
.PHONY: matrix
matrix: dist stub server breaker $(B)/.setup-lab ## NICs by places by faults, a machine for each
	$(Q)scripts/lab matrix $(MATRIX_FLAGS)

# Whole labs: slow, so each run is shared by all the tests that look at it.
CHECK += check-lab
.PHONY: check-lab
check-lab: dist stub server site breaker delay $(MAPS_GUESTS) $(B)/.setup-lab $(B)/.setup-analysis $(B)/.setup-check $(B)/.setup-bench ## whole machines, from the PXE boot to the dump
	$(Q)$(PYTEST) tests/lab

# The kernel's debug symbols are a download of 860 MB, and crash takes minutes: not a part of check.
ANALYSIS_OUT := $(B)/analysis
.PHONY: check-analysis
check-analysis: dist stub server $(B)/.setup-lab $(B)/.setup-analysis $(B)/.setup-check ## one crash at each level, as makedumpfile, crash and drgn see it
	$(Q)rm -rf $(ANALYSIS_OUT)
	$(Q)scripts/lab run --cpus 2 --crash-cpu 1 --append-kernel "hugepages=16 lab.buffers" --check \
		--quiet --out $(ANALYSIS_OUT) --net $$([ "$$(id -u)" = 0 ] && echo dnsmasq || echo user)
	$(Q)NETDUMP_CRASH=$(abspath $(ANALYSIS_OUT)) $(PYTEST) -rx tests/analysis
