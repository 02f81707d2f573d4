// SPDX-License-Identifier: GPL-2.0-or-later
/* steps.c - see steps.h. */
#include "wire/steps.h"

#include <stdint.h>
#include <string.h>

#include "netdump/wire.h"

#define GRAIN_WORDS  (ND_GRAIN_BYTES / 8)
#define PASSES       2  /* steps, and steps of steps */
#define LOOK_GRAINS  10 /* of which the last eight are compared */
#define EVEN_OF_LOOK 56 /* of their 64 words, */
#define MOVE_OF_LOOK 8  /* of which so many are to be no constants: those LZ4 knows */

static uint64_t word(const void *memory, size_t i)
{
	uint64_t value;

	memcpy(&value, (const uint8_t *)memory + i * sizeof value, sizeof value);
	return value;
}

static void word_set(void *memory, size_t i, uint64_t value)
{
	memcpy((uint8_t *)memory + i * sizeof value, &value, sizeof value);
}

static uint64_t step(const void *memory, size_t i)
{
	return word(memory, i) - word(memory, i - GRAIN_WORDS);
}

bool nd_steps_pay(const void *memory, size_t bytes)
{
	unsigned int even = 0, moving = 0;

	if (bytes < LOOK_GRAINS * ND_GRAIN_BYTES)
		return false;
	for (size_t i = 2 * GRAIN_WORDS; i < LOOK_GRAINS * GRAIN_WORDS; i++) {
		uint64_t here = step(memory, i);
		bool is_even = here == step(memory, i - GRAIN_WORDS);

		even += is_even;
		moving += is_even && here;
	}
	return even >= EVEN_OF_LOOK && moving >= MOVE_OF_LOOK;
}

/* Both passes in one: for each word of a grain, through all the grains. */
void nd_steps_make(void *steps, const void *memory, size_t bytes)
{
	for (size_t k = 0; k < GRAIN_WORDS; k++) {
		uint64_t before = 0, step_before = 0;

		for (size_t i = k; i < bytes / 8; i += GRAIN_WORDS) {
			uint64_t here = word(memory, i);
			uint64_t step_here = here - before;

			word_set(steps, i, step_here - step_before);
			before = here;
			step_before = step_here;
		}
	}
}

void nd_steps_undo(void *steps, size_t bytes)
{
	for (unsigned int pass = 0; pass < PASSES; pass++)
		for (size_t i = GRAIN_WORDS; i < bytes / 8; i++)
			word_set(steps, i, word(steps, i) + word(steps, i - GRAIN_WORDS));
}
