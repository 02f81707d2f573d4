# SPDX-License-Identifier: GPL-2.0-or-later
#
# The protocol code is built three times: for the host, with sanitizers, and (by
# dini/dini.mk, from the same source) freestanding.

WIRE_SRC := wire/message.c
WIRE_OBJ := $(WIRE_SRC:%.c=$(B)/%.o)
WIRE_SAN_OBJ := $(WIRE_SRC:%.c=$(B)/san/%.o)
