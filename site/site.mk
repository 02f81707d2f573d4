# SPDX-License-Identifier: GPL-2.0-or-later
#
# What scripts/site-check asks: netdump.c32's own reading of its words, on the host.

SITE_SRC := $(addprefix site/,main.c probe.c words.c) com32/netdump/options.c $(WIRE_SRC)

.PHONY: site
site: $(B)/site/netdump-words $(B)/.setup-site ## what scripts/site-check needs
$(B)/site/netdump-words: $(SITE_SRC) $(wildcard site/*.h com32/netdump/options.h wire/*.h include/netdump/*.h) \
		$(B)/.setup-server
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CFLAGS) -o $@ $(SITE_SRC) -ljansson -lbearssl

CHECK += check-site
.PHONY: check-site
check-site: site dist stub server $(B)/.setup-check ## site-check against sites that are made up
	$(Q)$(PYTEST) tests/site
