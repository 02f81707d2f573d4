// SPDX-License-Identifier: GPL-2.0-or-later
/* answer_test.c - looking up drivers in threads, one at a time, wanted or not. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <cmocka.h>

#include "server/answer.h"

#define PATIENCE_MS 60000

static atomic_uint inside, most, calls;
static atomic_bool held; /* nothing is found yet */

/* The answer to "so many bytes"; to "-": none. */
bool nd_catalogue_answer_make(int dir_fd, const char *request, size_t bytes,
			      struct nd_catalogue_answer *answer)
{
	char text[16] = "";

	assert_int_equal(dir_fd, 7);
	assert_true(bytes < sizeof text);
	memcpy(text, request, bytes);
	if (++inside > most)
		most = inside;
	calls++;
	while (held)
		usleep(1000);
	memset(answer, 0, sizeof *answer);
	answer->bytes = strtoul(text, NULL, 10);
	answer->modules = 3;
	inside--;
	if (text[0] == '-') {
		snprintf(answer->why, sizeof answer->why, "none of that");
		return false;
	}
	answer->archive = calloc(1, answer->bytes + 1);
	return true;
}

static struct nd_answer *ask(const char *request, int event_fd)
{
	return nd_answer_start(7, strdup(request), strlen(request), event_fd);
}

/* Until there is an answer; places are free again a moment later. */
static const struct nd_catalogue_answer *await(struct nd_answer *a, int event_fd)
{
	const struct nd_catalogue_answer *answer;

	while (!(answer = nd_answer_get(a))) {
		struct pollfd event = {.fd = event_fd, .events = POLLIN};
		uint64_t count;

		assert_int_equal(poll(&event, 1, PATIENCE_MS), 1);
		assert_true(read(event_fd, &count, sizeof count) > 0);
	}
	return answer;
}

static void answers(int event_fd)
{
	struct nd_answer *some = ask("1000", event_fd), *none = ask("-", event_fd);
	struct nd_answer *nothing = ask("0", event_fd), *much = ask("75497473", event_fd);

	assert_non_null(await(some, event_fd)->archive);
	assert_int_equal(nd_answer_get(some)->bytes, 1000);
	assert_int_equal(nd_answer_get(some)->modules, 3);
	assert_null(await(none, event_fd)->archive);
	assert_string_equal(nd_answer_get(none)->why, "none of that");
	assert_null(await(nothing, event_fd)->archive);
	assert_non_null(strstr(nd_answer_get(nothing)->why, "0 bytes"));
	assert_null(await(much, event_fd)->archive);
	assert_non_null(strstr(nd_answer_get(much)->why, "limit 72 MiB"));
	nd_answer_free(some);
	nd_answer_free(none);
	nd_answer_free(nothing);
	nd_answer_free(much);
	nd_answer_free(NULL);
	assert_null(nd_answer_get(NULL));
}

static void answers_in_threads(void **state)
{
	int event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	(void)state;
	answers(event_fd);
	close(event_fd);
}

static void answers_at_once(void **state)
{
	(void)state;
	answers(-1);
}

/* So many places; who leaves early does not wait, and its thread looks nothing up any more. */
static void places(void **state)
{
	int event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct nd_answer *a[ND_ANSWERS_MAX];

	(void)state;
	most = calls = 0;
	held = true;
	for (unsigned int i = 0; i < ND_ANSWERS_MAX; i++) {
		assert_true(nd_answer_room());
		a[i] = ask("1", event_fd);
		assert_non_null(a[i]);
	}
	assert_false(nd_answer_room());
	assert_null(ask("1", event_fd));
	while (!calls)
		usleep(1000);
	for (unsigned int i = 0; i < ND_ANSWERS_MAX; i++)
		nd_answer_free(a[i]);
	held = false;
	for (unsigned int waited = 0; waited < PATIENCE_MS; waited++) {
		unsigned int got = 0;

		while (got < ND_ANSWERS_MAX && nd_answer_room() && (a[got] = ask("1", -1)))
			got++;
		for (unsigned int i = 0; i < got; i++)
			nd_answer_free(a[i]);
		if (got == ND_ANSWERS_MAX)
			break;
		assert_true(waited + 1 < PATIENCE_MS);
		usleep(1000);
	}
	assert_int_equal(most, 1);
	close(event_fd);
}

static void the_order_of_an_archive(void **state)
{
	static const struct {
		const char *name, *size;
		size_t bytes;
		int order; /* its bytes, -1: none */
	} row[] = {
		{"order", "00000000144", 1024, 100}, {"order", "00000001000", 1024, 512},
		{"order", "00000001001", 1024, -1},  {"order", "77777777777", 1024, -1},
		{"order", "-1", 1024, -1},           {"orders", "00000000144", 1024, -1},
		{"", "00000000144", 1024, -1},       {"order", "00000000000", 512, 0},
		{"order", "00000000000", 511, -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct nd_catalogue_answer answer = {malloc(row[i].bytes), row[i].bytes, 1, ""};
		const char *order;
		size_t bytes = 0;

		memset(answer.archive, 0, row[i].bytes);
		strcpy(answer.archive, row[i].name);
		strcpy((char *)answer.archive + 124, row[i].size);
		order = nd_answer_order(&answer, &bytes);
		assert_int_equal(order ? (int)bytes : -1, row[i].order);
		if (order)
			assert_ptr_equal(order, (char *)answer.archive + 512);
		free(answer.archive);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_in_threads),
		cmocka_unit_test(answers_at_once),
		cmocka_unit_test(places),
		cmocka_unit_test(the_order_of_an_archive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
