# SPDX-License-Identifier: GPL-2.0-or-later
"""What scripts/site-check is made of."""
