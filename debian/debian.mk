# SPDX-License-Identifier: GPL-2.0-or-later
#
# Debian packages, built from a copy of the tree, so that nothing is left in it.

DEB := $(B)/deb
DEB_SOURCES = $(shell find . \( -path ./build -o -path ./.git -o -path ./tests -o -name __pycache__ \) -prune -o -type f -print)

.PHONY: deb
deb: $(DEB)/.done ## Debian packages: build/deb
$(DEB)/.done: $(DEB_SOURCES) $(B)/.setup-deb $(B)/.setup-build $(B)/.setup-server
	$(call say,DEB,$(DEB))
	$(Q)scripts/deb $(DEB)
	$(Q)touch $@

# For upgrades: the same tree, as if it were older.
DEB_OLD := $(B)/deb-old
$(DEB_OLD)/.done: $(DEB)/.done
	$(call say,DEB,$(DEB_OLD))
	$(Q)scripts/deb $(DEB_OLD) '$(VERSION)~older' $(DEB)
	$(Q)touch $@

# What packages are installed into.  Downloads stay.
DEBROOT := $(B)/downloads/bookworm.tar
$(DEBROOT): scripts/debroot | $(B)/.setup-debroot
	$(call say,DEBROOT,$@)
	$(Q)scripts/debroot $@

CHECK += check-install
.PHONY: check-install check-deb
check-install: server dist crash-parts dkms $(B)/.setup-check ## make install, and what goes with the programs
	$(Q)rm -rf $(B)/installed
	$(Q)$(MAKE) --no-print-directory install DESTDIR=$(abspath $(B)/installed) PREFIX=/usr
	$(Q)NETDUMP_TREE=$(abspath $(B)/installed) $(PYTEST) tests/deb/test_install.py

# A download of 150 MB, and root's: not a part of check.
check-deb: $(DEB)/.done $(DEB_OLD)/.done $(DEBROOT) $(B)/tests/fakecrash dist $(B)/.setup-check ## the packages in a Debian of their own: install, upgrade, run, purge
	$(Q)NETDUMP_DEB=$(abspath $(DEB)) NETDUMP_DEB_OLD=$(abspath $(DEB_OLD)) \
		NETDUMP_DEBROOT=$(abspath $(DEBROOT)) $(PYTEST) -n 0 tests/deb/test_packages.py
