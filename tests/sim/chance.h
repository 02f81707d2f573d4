/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chance.h - random numbers that are the same in every run of a seed (SplitMix64). */
#ifndef TESTS_SIM_CHANCE_H
#define TESTS_SIM_CHANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SIM_MILLION 1000000u

struct sim_chance {
	uint64_t state;
};

static inline uint64_t sim_mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static inline uint64_t sim_chance_next(struct sim_chance *c)
{
	return sim_mix(c->state += 0x9e3779b97f4a7c15u);
}

/* A stream of its own: what one part draws does not change what others do. */
static inline struct sim_chance sim_chance_part(uint64_t seed, uint64_t part)
{
	return (struct sim_chance){sim_mix(seed * 0x9e3779b97f4a7c15u + sim_mix(part + 1))};
}

/* 0 .. n - 1; n is not 0. */
static inline uint64_t sim_chance_below(struct sim_chance *c, uint64_t n)
{
	return sim_chance_next(c) % n;
}

static inline uint64_t sim_chance_from(struct sim_chance *c, uint64_t low, uint64_t high)
{
	return low + sim_chance_below(c, high - low + 1);
}

static inline bool sim_chance_hits(struct sim_chance *c, uint32_t per_million)
{
	return per_million && sim_chance_below(c, SIM_MILLION) < per_million;
}

static inline void sim_chance_fill(struct sim_chance *c, void *to, size_t bytes)
{
	uint8_t *p = to;

	for (size_t at = 0; at < bytes; at += 8) {
		uint64_t word = sim_chance_next(c);

		memcpy(p + at, &word, bytes - at < 8 ? bytes - at : 8);
	}
}

#endif
