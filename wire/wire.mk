# SPDX-License-Identifier: GPL-2.0-or-later
#
# The protocol code has no rules of its own: server/server.mk builds it for the host and with
# sanitizers, dini/dini.mk freestanding, tests/tests.mk into the tests.

WIRE_SRC := wire/crypto.c wire/message.c wire/noise.c wire/secure.c wire/steps.c
