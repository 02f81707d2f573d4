# SPDX-License-Identifier: GPL-2.0-or-later
"""What scripts/lab is made of: a network, a server and a machine that crashes."""
