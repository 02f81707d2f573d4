/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * input.h - a fuzzer's bytes taken apart, and what must hold whatever they are.
 *
 * Nothing fails at the end of the input: numbers are 0 there, byte strings empty, so every
 * input means something and the fuzzer need not learn a grammar first.
 */
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
int LLVMFuzzerInitialize(int *argc, char ***argv);

struct nd_input {
	const uint8_t *at;
	size_t left;
};

/* A property that was broken ends the run like a crash, and leaves the input that broke it. */
#define ND_MUST(what)                                                                              \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #what);  \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static inline bool nd_input_more(const struct nd_input *in)
{
	return in->left != 0;
}

/* Copies up to `bytes`, zeros behind what is there; how much was there. */
static inline size_t nd_input_copy(struct nd_input *in, void *to, size_t bytes)
{
	size_t part = bytes < in->left ? bytes : in->left;

	if (part)
		memcpy(to, in->at, part);
	memset((uint8_t *)to + part, 0, bytes - part);
	in->at += part;
	in->left -= part;
	return part;
}

static inline uint8_t nd_input_u8(struct nd_input *in)
{
	uint8_t value;

	nd_input_copy(in, &value, sizeof value);
	return value;
}

static inline uint16_t nd_input_u16(struct nd_input *in)
{
	uint16_t value;

	nd_input_copy(in, &value, sizeof value);
	return value;
}

static inline uint32_t nd_input_u32(struct nd_input *in)
{
	uint32_t value;

	nd_input_copy(in, &value, sizeof value);
	return value;
}

static inline uint64_t nd_input_u64(struct nd_input *in)
{
	uint64_t value;

	nd_input_copy(in, &value, sizeof value);
	return value;
}

/*
 * The next `bytes`, or what is left of them, in memory of exactly that size, so that the
 * sanitizers see a step beyond it.  free() gives it back.
 */
static inline uint8_t *nd_input_exact(struct nd_input *in, size_t bytes, size_t *got)
{
	uint8_t *copy;

	*got = bytes < in->left ? bytes : in->left;
	copy = malloc(*got ? *got : 1);
	ND_MUST(copy);
	nd_input_copy(in, copy, *got);
	return copy;
}

/* The same as a text that ends in NUL. */
static inline char *nd_input_text(struct nd_input *in, size_t bytes)
{
	size_t got = bytes < in->left ? bytes : in->left;
	char *copy = malloc(got + 1);

	ND_MUST(copy);
	nd_input_copy(in, copy, got);
	copy[got] = 0;
	return copy;
}

#endif
