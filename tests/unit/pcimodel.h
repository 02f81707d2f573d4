/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pcimodel.h - configuration space and resets of a few functions, register by register,
 * in virtual time: what is behind dini/config.h and dini/clock.h in tests.
 *
 * The model has rules of its own, those of the specifications.  Who breaks one is told at
 * once by model.broken; the test looks at it after each step.
 */
#ifndef TESTS_UNIT_PCIMODEL_H
#define TESTS_UNIT_PCIMODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "netdump/handoff.h"

#define MODEL_FUNCTIONS 8

enum model_reset { MODEL_FLR, MODEL_AF, MODEL_POWER, MODEL_LINK, MODEL_BUS, MODEL_RESETS };

struct model_function {
	uint16_t bdf;
	uint8_t config[256];
	uint8_t born[256]; /* as a reset leaves it */
	uint8_t boot[256]; /* as it was copied */
	unsigned int pm, af, express, msi;

	/* how it behaves */
	uint32_t ready_ms;   /* after a reset's fixed time, until it answers */
	bool retries;        /* meanwhile it asks to be asked again, else it is silent */
	uint32_t dies_of;    /* 1 << enum model_reset: never answers again */
	uint64_t pending_ms; /* transactions go on so long after bus mastering went off */
	uint32_t forbidden;  /* 1 << enum model_reset: must never happen to it */
	uint32_t link_up_ms; /* of a port: for its link to come up */

	/* how it is */
	uint64_t quiet_ms;       /* no access before */
	uint64_t answers_ms;     /* silent or asking for retries before; UINT64_MAX: for ever */
	uint64_t master_off_ms;  /* when bus mastering went off */
	uint64_t began_ms;       /* of the reset or power state that is under way */
	bool written;            /* since its last reset */
	uint64_t link_active_ms; /* of a port: when its link is up again */
	unsigned int resets[MODEL_RESETS];
};

struct model {
	struct model_function function[MODEL_FUNCTIONS];
	unsigned int count;
	uint64_t now_ms;
	unsigned int accesses;
	const char *broken; /* the first rule that was broken */
};

extern struct model model;

void model_clear(void);
/* What a healthy function has; its capabilities are added by the calls below. */
struct model_function *model_nic(uint16_t bdf, uint32_t id);
struct model_function *model_bridge(uint16_t bdf, uint8_t bus_from, uint8_t bus_to);
void model_cap_pm(struct model_function *f, bool no_soft_reset);
void model_cap_af(struct model_function *f);
void model_cap_express(struct model_function *f, unsigned int type, bool flr);
/* Its capability is of version 1. */
void model_express_old(struct model_function *f);
void model_cap_msi(struct model_function *f);

/* As boot copies it; made once the functions are as they should be. */
void model_copy(struct model_function *f, struct nd_pci_copy *copy);
/* Link Control's bits 1:0. */
void model_aspm(struct model_function *f, uint32_t aspm);
/* By who does not care what is below. */
void model_link_off(struct model_function *port);
/* As a system may leave it: bus numbers, BARs, Device and Link Control changed, in D3hot. */
void model_upset(struct model_function *f);
/* Whether all that boot had set is there again; a NIC's bus mastering apart. */
bool model_is_as_at_boot(const struct model_function *f, bool master);

#endif
