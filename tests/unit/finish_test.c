/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * finish_test.c - the end of a dump on a real folder, in a thread and without one: the same
 * calls lead to the same files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <nettle/sha2.h>

#include "server/finish.h"

#define PAGES       3000u /* of one extent, from page 16 on: twelve chunks */
#define SESSION     0x1234567812345678u
#define PLAIN_BYTES (9u * ND_PAGE_BYTES + 777)
#define PATIENCE_MS 60000

static const uint8_t token[ND_HELLO_TOKEN_BYTES];

struct fixture {
	char top_name[64];
	int top, event_fd;
	struct nd_store store;
	struct nd_core core;
	struct nd_vmcore v;
	struct nd_sums sums;
	struct nd_pages none;
	struct nd_finish *finish;
};

static void page_make(uint8_t page[ND_PAGE_BYTES], uint64_t number)
{
	for (size_t i = 0; i < ND_PAGE_BYTES; i++)
		page[i] = (uint8_t)(number * 31 + i + i / 256);
}

static void page_write(struct fixture *x, uint64_t number, bool count)
{
	uint8_t page[ND_PAGE_BYTES];
	uint64_t phys = number * ND_PAGE_BYTES;

	page_make(page, number);
	assert_int_equal(nd_vmcore_write(&x->v, phys, page, sizeof page), 0);
	if (count)
		nd_sums_chunk(&x->sums, nd_vmcore_offset(&x->v, number))->sum +=
			nd_sums_grains(phys, page, sizeof page);
}

/* A whole dump in its file, its end still to come. */
static void setup(struct fixture *x, bool threaded)
{
	const char *why;

	memset(x, 0, sizeof *x);
	snprintf(x->top_name, sizeof x->top_name, "/tmp/finish_test.XXXXXX");
	assert_non_null(mkdtemp(x->top_name));
	x->top = open(x->top_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	x->event_fd = threaded ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
	assert_int_equal(nd_store_open(&x->store, &nd_kinds[ND_HELLO_CRASH], x->top, "host",
				       SESSION, 1700000000),
			 0);
	x->core.loads = 1;
	x->core.load[0] =
		(struct nd_core_load){.phys = 16 * 4096, .file_size = PAGES * (uint64_t)4096};
	assert_true(nd_vmcore_plan(&x->v, &x->core, 0, &why));
	x->v.fd = x->store.vmcore;
	assert_true(nd_sums_init(&x->sums, x->v.bytes));
	assert_int_equal(nd_vmcore_head_write(&x->v, &x->core, NULL, 0), 0);
	assert_int_equal(nd_vmcore_size_set(&x->v, true), 0);
	for (uint64_t i = 16; i < 16 + PAGES; i++)
		page_write(x, i, true);
	x->finish = nd_finish_start(&x->store, &x->v, &x->sums,
				    json_pack("{s:s}", "status", "receiving"), x->event_fd);
	assert_non_null(x->finish);
}

static void teardown(struct fixture *x)
{
	char command[128];

	nd_finish_free(x->finish);
	nd_store_close(&x->store);
	nd_vmcore_free(&x->v);
	nd_sums_free(&x->sums);
	close(x->top);
	if (x->event_fd >= 0)
		close(x->event_fd);
	snprintf(command, sizeof command, "rm -rf '%s'", x->top_name);
	assert_int_equal(system(command), 0);
}

static struct nd_map *map_make(struct fixture *x)
{
	return nd_map_make(SESSION, token, &x->v, &x->sums, &x->none, &x->none, json_object());
}

static void end(struct fixture *x, bool complete)
{
	struct nd_ending ending = {
		.complete = complete,
		.info = json_pack("{s:s}", "status", complete ? "complete" : "incomplete"),
		.map = map_make(x),
		.now_s = 1700000009,
		.base_s = 1700000000};

	nd_finish_end(x->finish, &ending);
}

/* The next news; without a thread they are there already. */
static enum nd_finish_news news(struct fixture *x, uint64_t *chunk, char why[ND_DONE_TEXT_BYTES])
{
	enum nd_finish_news got = nd_finish_poll(x->finish, chunk, why);
	uint64_t count;

	while (got == ND_FINISH_NONE && x->event_fd >= 0) {
		struct pollfd event = {.fd = x->event_fd, .events = POLLIN};

		assert_int_equal(poll(&event, 1, PATIENCE_MS), 1);
		assert_true(read(x->event_fd, &count, sizeof count) > 0);
		got = nd_finish_poll(x->finish, chunk, why);
	}
	return got;
}

static bool there(const struct fixture *x, const char *name)
{
	struct stat st;

	return !fstatat(x->top, name, &st, AT_SYMLINK_NOFOLLOW);
}

#define FINAL   "host/20231114-221320-12345678"
#define PARTIAL FINAL ND_STORE_PARTIAL

static void completes(bool threaded)
{
	char why[ND_DONE_TEXT_BYTES];
	struct fixture x;
	uint64_t chunk;

	setup(&x, threaded);
	nd_finish_stable(x.finish, x.v.bytes / 2);
	end(&x, true);
	assert_int_equal(news(&x, &chunk, why), ND_FINISH_OVER);
	assert_string_equal(why, "");
	assert_true(there(&x, FINAL "/info.json") && !there(&x, PARTIAL));
	assert_false(there(&x, FINAL "/map.json") || there(&x, FINAL "/reserve"));
	teardown(&x);
}

/* A page that the disk spoilt: its chunk is named, and the end is off until it is right. */
static void names_a_bad_chunk(bool threaded)
{
	char why[ND_DONE_TEXT_BYTES];
	struct fixture x;
	uint64_t chunk = 99;

	setup(&x, threaded);
	assert_int_equal(pwrite(x.v.fd, "spoilt", 6, 5 * (1 << 20) + 4096), 6);
	end(&x, true);
	assert_int_equal(news(&x, &chunk, why), ND_FINISH_CHUNK);
	assert_int_equal(chunk, 5);
	assert_true(there(&x, PARTIAL) && !there(&x, FINAL));
	for (uint64_t i = 16; i < 16 + PAGES; i++)
		page_write(&x, i, false);
	nd_finish_stable(x.finish, x.v.bytes);
	end(&x, true);
	assert_int_equal(news(&x, &chunk, why), ND_FINISH_OVER);
	assert_string_equal(why, "");
	assert_true(there(&x, FINAL));
	teardown(&x);
}

static void keeps_what_is_incomplete(bool threaded)
{
	char why[ND_DONE_TEXT_BYTES];
	atomic_uint maps = 0;
	struct fixture x;
	uint64_t chunk;

	setup(&x, threaded);
	nd_finish_map(x.finish, map_make(&x), &maps);
	end(&x, false);
	assert_int_equal(news(&x, &chunk, why), ND_FINISH_OVER);
	assert_true(there(&x, PARTIAL "/map.json") && there(&x, PARTIAL "/info.json"));
	assert_false(there(&x, FINAL) || there(&x, PARTIAL "/reserve"));
	assert_int_equal(maps, 0);
	teardown(&x);
}

/* The final name is taken: not complete, and said so; what came is kept. */
static void does_not_replace_another(bool threaded)
{
	char why[ND_DONE_TEXT_BYTES];
	struct fixture x;
	uint64_t chunk;

	setup(&x, threaded);
	assert_int_equal(mkdirat(x.top, FINAL, 0700), 0);
	assert_int_equal(mkdirat(x.top, FINAL "/other", 0700), 0);
	end(&x, true);
	assert_int_equal(news(&x, &chunk, why), ND_FINISH_OVER);
	assert_non_null(strstr(why, "cannot be made final"));
	assert_true(there(&x, PARTIAL "/map.json"));
	teardown(&x);
}

/* info.json cannot be written when the dump ends; later it can, and has the first reason. */
static void says_why_at_the_second_attempt(bool threaded)
{
	char why[ND_DONE_TEXT_BYTES], *text;
	struct fixture x;
	uint64_t chunk;
	json_t *info;
	size_t bytes;

	setup(&x, threaded);
	assert_int_equal(mkdirat(x.top, PARTIAL "/info.json.new", 0700), 0);
	end(&x, true);
	assert_int_equal(news(&x, &chunk, why), ND_FINISH_OVER);
	assert_non_null(strstr(why, "info.json cannot be written"));
	assert_false(nd_finish_said(x.finish) || there(&x, PARTIAL "/info.json"));
	assert_int_equal(nd_finish_poll(x.finish, &chunk, why), ND_FINISH_NONE);
	assert_int_equal(unlinkat(x.top, PARTIAL "/info.json.new", AT_REMOVEDIR), 0);
	nd_finish_free(x.finish);
	x.finish = NULL;
	assert_int_equal(nd_store_text(x.store.dir, "info.json", 4096, &text, &bytes), 0);
	info = json_loads(text, 0, NULL);
	free(text);
	assert_string_equal(json_string_value(json_object_get(info, "status")), "incomplete");
	assert_string_equal(json_string_value(json_object_get(info, "why")), why);
	json_decref(info);
	teardown(&x);
}

/* Freed in the middle, as when the machine is forgotten: nothing more is written. */
static void ends_early(bool threaded)
{
	struct fixture x;

	setup(&x, threaded);
	nd_finish_stable(x.finish, x.v.bytes);
	nd_finish_free(x.finish);
	x.finish = NULL;
	assert_false(there(&x, PARTIAL "/info.json") || there(&x, FINAL));
	teardown(&x);
}

/* A map that comes when all is over is nobody's, and holds no other dump's back. */
static void takes_no_map_after_the_end(bool threaded)
{
	char why[ND_DONE_TEXT_BYTES];
	atomic_uint maps = 0;
	struct fixture x;
	uint64_t chunk;

	setup(&x, threaded);
	end(&x, false);
	assert_int_equal(news(&x, &chunk, why), ND_FINISH_OVER);
	nd_finish_map(x.finish, map_make(&x), &maps);
	assert_false(nd_finish_mapping(x.finish));
	assert_int_equal(maps, 0);
	teardown(&x);
}

/* Of a living system: no head, cut within its last page. */
static void plain_setup(struct fixture *x, bool threaded, enum nd_hello_kind kind)
{
	setup(x, threaded);
	nd_finish_free(x->finish);
	nd_store_abandon(&x->store);
	nd_vmcore_free(&x->v);
	nd_sums_free(&x->sums);
	assert_int_equal(
		nd_store_open(&x->store, &nd_kinds[kind], x->top, "host", SESSION, 1700000000), 0);
	assert_true(nd_vmcore_plan_plain(&x->v, PLAIN_BYTES));
	x->v.fd = x->store.vmcore;
	assert_true(nd_sums_init(&x->sums, x->v.bytes));
	assert_int_equal(nd_vmcore_head_write(&x->v, &x->core, NULL, 0), 0);
	assert_int_equal(nd_vmcore_size_set(&x->v, true), 0);
	for (uint64_t i = 0; i < x->v.pages; i++)
		page_write(x, i, true);
	x->finish = nd_finish_start(&x->store, &x->v, &x->sums, json_object(), x->event_fd);
	assert_non_null(x->finish);
}

static void cuts_what_fills_up_the_last_page(bool threaded)
{
	uint8_t data[PLAIN_BYTES / ND_PAGE_BYTES + 1][ND_PAGE_BYTES], sum[SHA256_DIGEST_SIZE];
	char why[ND_DONE_TEXT_BYTES], sha[2 * SHA256_DIGEST_SIZE + 1], *text;
	struct sha256_ctx c;
	struct fixture x;
	struct stat st;
	uint64_t chunk;
	json_t *info;
	size_t bytes;

	plain_setup(&x, threaded, ND_HELLO_LOG);
	end(&x, true);
	assert_int_equal(news(&x, &chunk, why), ND_FINISH_OVER);
	assert_string_equal(why, "");
	assert_int_equal(fstatat(x.top, FINAL "/log", &st, 0), 0);
	assert_int_equal(st.st_size, PLAIN_BYTES);
	for (uint64_t i = 0; i < sizeof data / sizeof *data; i++)
		page_make(data[i], i);
	sha256_init(&c);
	sha256_update(&c, PLAIN_BYTES, data[0]);
	sha256_digest(&c, sizeof sum, sum);
	for (size_t i = 0; i < sizeof sum; i++)
		snprintf(sha + 2 * i, 3, "%02x", sum[i]);
	assert_int_equal(nd_store_text(x.store.dir, "info.json", 4096, &text, &bytes), 0);
	info = json_loads(text, 0, NULL);
	free(text);
	assert_string_equal(json_string_value(json_object_get(info, "sha256")), sha);
	json_decref(info);
	teardown(&x);
}

/* A dry run, complete or not. */
static void keeps_nothing_that_only_passes(bool threaded)
{
	for (unsigned int complete = 0; complete < 2; complete++) {
		char why[ND_DONE_TEXT_BYTES];
		atomic_uint maps = 0;
		struct fixture x;
		uint64_t chunk;

		plain_setup(&x, threaded, ND_HELLO_TEST);
		nd_finish_map(x.finish, map_make(&x), &maps);
		end(&x, complete);
		assert_int_equal(news(&x, &chunk, why), ND_FINISH_OVER);
		assert_string_equal(why, "");
		assert_true(there(&x, complete ? FINAL "/info.json" : PARTIAL "/info.json"));
		assert_false(there(&x, complete ? FINAL "/test" : PARTIAL "/test"));
		assert_false(there(&x, complete ? FINAL "/map.json" : PARTIAL "/map.json"));
		teardown(&x);
	}
}

#define BOTH(name)                                                                                 \
	static void name##_in_a_thread(void **state)                                               \
	{                                                                                          \
		(void)state;                                                                       \
		name(true);                                                                        \
	}                                                                                          \
	static void name##_at_once(void **state)                                                   \
	{                                                                                          \
		(void)state;                                                                       \
		name(false);                                                                       \
	}
BOTH(completes)
BOTH(names_a_bad_chunk)
BOTH(keeps_what_is_incomplete)
BOTH(does_not_replace_another)
BOTH(says_why_at_the_second_attempt)
BOTH(ends_early)
BOTH(takes_no_map_after_the_end)
BOTH(cuts_what_fills_up_the_last_page)
BOTH(keeps_nothing_that_only_passes)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(completes_in_a_thread),
		cmocka_unit_test(completes_at_once),
		cmocka_unit_test(names_a_bad_chunk_in_a_thread),
		cmocka_unit_test(names_a_bad_chunk_at_once),
		cmocka_unit_test(keeps_what_is_incomplete_in_a_thread),
		cmocka_unit_test(keeps_what_is_incomplete_at_once),
		cmocka_unit_test(does_not_replace_another_in_a_thread),
		cmocka_unit_test(does_not_replace_another_at_once),
		cmocka_unit_test(says_why_at_the_second_attempt_in_a_thread),
		cmocka_unit_test(says_why_at_the_second_attempt_at_once),
		cmocka_unit_test(ends_early_in_a_thread),
		cmocka_unit_test(ends_early_at_once),
		cmocka_unit_test(takes_no_map_after_the_end_in_a_thread),
		cmocka_unit_test(takes_no_map_after_the_end_at_once),
		cmocka_unit_test(cuts_what_fills_up_the_last_page_in_a_thread),
		cmocka_unit_test(cuts_what_fills_up_the_last_page_at_once),
		cmocka_unit_test(keeps_nothing_that_only_passes_in_a_thread),
		cmocka_unit_test(keeps_nothing_that_only_passes_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
