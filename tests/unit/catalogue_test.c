/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * catalogue_test.c - drivers asked for out of folders of modules: what is answered, what is
 * refused and in which words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <nettle/sha2.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/catalogue.h"
#include "server/modules.h"

#define RELEASE "6.1.0-9-amd64"
#define NIC     "pci:v00008086d000010D3sv00008086sd0000A01Fbc02sc00i00"
#define OTHER   "pci:v000010ECd00008168sv*sd*"

static char outer[] = "/tmp/netdump-catalogue-XXXXXX";
static int dir; /* OUTER/drivers */

static void folder_make(const char *path)
{
	assert_true(!mkdirat(dir, path, 0755) || errno == EEXIST);
}

static void file_write(const char *path, const void *content, size_t bytes)
{
	int fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, bytes), bytes);
	close(fd);
}

static void text_write(const char *path, const char *text)
{
	file_write(path, text, strlen(text));
}

static unsigned int open_at_start;

static unsigned int open_count(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int entries = 0;

	assert_non_null(d);
	while (readdir(d))
		entries++;
	closedir(d);
	return entries;
}

/* A kernel with two drivers of network cards, one of them compressed and in need of two others. */
static int kernel_make(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(outer));
	assert_int_equal(chdir(outer), 0);
	assert_int_equal(mkdir("drivers", 0755), 0);
	dir = open("drivers", O_RDONLY | O_DIRECTORY);
	assert_true(dir >= 0);
	open_at_start = open_count();
	folder_make(RELEASE);
	folder_make(RELEASE "/kernel");
	text_write(RELEASE "/modules.alias", "alias pci:v00008086d000010D3sv*sd*bc*sc*i* e1000e\n"
					     "alias pci:v000010ECd00008168sv*sd*bc*sc*i* r8169\n");
	text_write(RELEASE "/modules.dep",
		   "kernel/e1000e.ko:\n"
		   "kernel/r8169.ko.xz: kernel/mdio-bus.ko kernel/phy.ko\n"
		   "kernel/mdio-bus.ko: kernel/phy.ko\n"
		   "kernel/phy.ko:\nkernel/realtek.ko.zst: kernel/phy.ko\n");
	text_write(RELEASE "/modules.softdep", "softdep r8169 pre: realtek\n");
	text_write(RELEASE "/kernel/e1000e.ko", "\x7f"
						"ELF e1000e");
	text_write(RELEASE "/kernel/r8169.ko.xz", "xz of r8169");
	file_write(RELEASE "/kernel/mdio-bus.ko", "a\0b", 3);
	file_write(RELEASE "/kernel/phy.ko", (char[512]){1, 2, 3}, 512);
	file_write(RELEASE "/kernel/realtek.ko.zst", (char[513]){4}, 513);
	return 0;
}

static int entry_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int kernel_remove(void **state)
{
	(void)state;
	close(dir);
	return nftw(outer, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static void answer_refused(const char *request, size_t bytes, const char *why)
{
	struct nd_catalogue_answer answer;
	char *exact = malloc(bytes + !bytes); /* the sanitizer sees a byte read behind it */

	memcpy(exact, request, bytes);
	if (nd_catalogue_answer_make(dir, exact, bytes, &answer))
		fail_msg("taken, not refused: '%s'", why);
	assert_string_equal(answer.why, why);
	assert_null(answer.archive);
	free(exact);
}

static void refused(const char *request, const char *why)
{
	answer_refused(request, strlen(request), why);
}

static struct nd_catalogue_answer answered(const char *request)
{
	struct nd_catalogue_answer answer;
	size_t bytes = strlen(request);
	char *exact = malloc(bytes);

	memcpy(exact, request, bytes);
	if (!nd_catalogue_answer_make(dir, exact, bytes, &answer))
		fail_msg("refused: %s", answer.why);
	assert_string_equal(answer.why, "");
	free(exact);
	return answer;
}

/* The next member of an archive is this file of the kernel's. */
static void member_assert(struct archive *tar, const char *name, char *order)
{
	struct archive_entry *entry;
	uint8_t there[8192], sum[SHA256_DIGEST_SIZE];
	char path[128], content[8192];
	struct sha256_ctx sha;
	ssize_t bytes;
	int fd;

	assert_int_equal(archive_read_next_header(tar, &entry), ARCHIVE_OK);
	assert_string_equal(archive_entry_pathname(entry), name);
	assert_int_equal(archive_entry_filetype(entry), AE_IFREG);
	assert_int_equal(archive_entry_perm(entry), 0644);
	snprintf(path, sizeof path, RELEASE "/kernel/%s", name);
	fd = openat(dir, path, O_RDONLY);
	bytes = read(fd, content, sizeof content);
	close(fd);
	assert_true(bytes >= 0);
	assert_int_equal(archive_read_data(tar, there, sizeof there), bytes);
	assert_memory_equal(there, content, (size_t)bytes);
	sha256_init(&sha);
	sha256_update(&sha, (size_t)bytes, there);
	sha256_digest(&sha, sizeof sum, sum);
	for (size_t i = 0; i < sizeof sum; i++)
		order += sprintf(order, "%02x", sum[i]);
	sprintf(order, "  %s\n", name);
}

/* An answer has these members, and `order` names them in this order, with their sums. */
static void members_assert(const char *request, const char *const *name)
{
	struct nd_catalogue_answer answer = answered(request);
	struct archive *tar = archive_read_new();
	char said[4096], order[4096] = "";
	struct archive_entry *entry;
	unsigned int modules = 0;
	ssize_t bytes;

	archive_read_support_format_tar(tar);
	assert_int_equal(archive_read_open_memory(tar, answer.archive, answer.bytes), ARCHIVE_OK);
	assert_int_equal(archive_read_next_header(tar, &entry), ARCHIVE_OK);
	assert_int_equal(archive_format(tar), ARCHIVE_FORMAT_TAR_USTAR);
	assert_string_equal(archive_entry_pathname(entry), "order");
	bytes = archive_read_data(tar, said, sizeof said - 1);
	assert_true(bytes > 0);
	said[bytes] = 0;
	for (; name[modules]; modules++)
		member_assert(tar, name[modules], order + strlen(order));
	assert_int_equal(archive_read_next_header(tar, &entry), ARCHIVE_EOF);
	assert_string_equal(said, order);
	assert_int_equal(answer.modules, modules);
	assert_int_equal(answer.bytes % 512, 0);
	archive_read_free(tar);
	free(answer.archive);
}

#define MEMBERS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void drivers_come_with_what_they_need(void **state)
{
	(void)state;
	members_assert(RELEASE "\n" NIC "\n", MEMBERS("e1000e.ko"));
	members_assert(RELEASE "\n" NIC, MEMBERS("e1000e.ko"));
	members_assert(RELEASE "\n" OTHER "bc02sc00i00\n",
		       MEMBERS("phy.ko", "mdio-bus.ko", "realtek.ko.zst", "r8169.ko.xz"));
	members_assert(
		RELEASE "\npci:v00001234d00001111sv\n\n" NIC "\n" OTHER "bcsci\n" NIC "\n",
		MEMBERS("e1000e.ko", "phy.ko", "mdio-bus.ko", "realtek.ko.zst", "r8169.ko.xz"));
}

/* As the client takes it: tar and sha256sum, which may be Busybox's. */
static void other_programs_take_it(void **state)
{
	struct nd_catalogue_answer answer = answered(RELEASE "\n" OTHER "bcsci\n");

	(void)state;
	folder_make("out");
	file_write("out/tar", answer.archive, answer.bytes);
	free(answer.archive);
	assert_int_equal(system("cd drivers/out && tar -xf tar && [ $(ls | wc -l) = 6 ] &&"
				" sha256sum -c order >/dev/null"),
			 0);
	assert_int_equal(system("rm -r drivers/out"), 0);
}

static void zeros_behind_a_request_are_none_of_it(void **state)
{
	static const char padded[4096] = RELEASE "\n" NIC "\n";
	struct nd_catalogue_answer answer;

	(void)state;
	assert_true(nd_catalogue_answer_make(dir, padded, sizeof padded, &answer));
	assert_int_equal(answer.modules, 1);
	free(answer.archive);
}

static void releases_cannot_lead_elsewhere(void **state)
{
	static const char *const bad[] = {"",          ".",    "..",       "../drivers/" RELEASE,
					  "/etc",      "a/b",  ".hidden",  "-rf",
					  "a b",       "a\tb", "a\rb",     RELEASE "\r",
					  RELEASE "/", "\x7f", "\xc3\xa4", "a;b",
					  "a%sb"};
	char request[128], release[66];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(request, sizeof request, "%s\n" NIC "\n", bad[i]);
		refused(request, "line 1 of the request is no kernel's release");
	}
	memset(release, '6', sizeof release);
	release[65] = 0;
	snprintf(request, sizeof request, "%s\n" NIC "\n", release);
	refused(request, "line 1 of the request is no kernel's release");
	release[64] = 0;
	snprintf(request, sizeof request, "%s\n" NIC "\n", release);
	refused(request, "no modules for kernel "
			 "6666666666666666666666666666666666666666666666666666666666666666"
			 ": No such file or directory");
}

static void requests_that_are_none(void **state)
{
	static char large[ND_CATALOGUE_REQUEST_MAX + 2];
	char *to;

	(void)state;
	refused("", "line 1 of the request is no kernel's release");
	refused("\n", "line 1 of the request is no kernel's release");
	refused(RELEASE, "the request names no device");
	refused(RELEASE "\n\n\n", "the request names no device");
	refused(RELEASE "\n" NIC "\npci:\x80\n", "line 3 of the request is no device's alias");
	refused(RELEASE "\n\xff\xfe", "line 2 of the request is no device's alias");
	refused(RELEASE "\npci: x\n", "line 2 of the request is no device's alias");
	answer_refused(RELEASE "\npci:\0x\n", sizeof RELEASE "\npci:\0x\n" - 1,
		       "the request has a zero byte");
	answer_refused("\0\0\0", 3, "line 1 of the request is no kernel's release");
	refused("6.1.0-other\n" NIC "\n",
		"no modules for kernel 6.1.0-other: No such file or directory");
	refused(RELEASE "\npci:v00001234d*\n", "no module for these devices in " RELEASE);

	to = large + sprintf(large, RELEASE "\n");
	memset(to, 'x', ND_MODULES_ALIAS_BYTES);
	refused(large, "line 2 of the request is no device's alias");
	to[ND_MODULES_ALIAS_BYTES - 1] = 0;
	refused(large, "no module for these devices in " RELEASE);
	for (unsigned int i = 0; i < ND_CATALOGUE_DEVICES_MAX; i++)
		to += sprintf(to, "a:%u\n", i);
	refused(large, "no module for these devices in " RELEASE);
	sprintf(to, "a\n");
	refused(large, "more than 256 devices");
	memset(large, 'x', sizeof large - 1);
	refused(large, "a request of more than 65536 bytes");
}

static void a_release_may_be_a_link(void **state)
{
	struct nd_catalogue_answer answer;

	(void)state;
	assert_int_equal(rename("drivers/" RELEASE, "elsewhere"), 0);
	assert_int_equal(symlinkat("../elsewhere", dir, RELEASE), 0);
	answer = answered(RELEASE "\n" NIC "\n");
	free(answer.archive);
	assert_int_equal(unlinkat(dir, RELEASE, 0), 0);
	text_write(RELEASE, "no folder");
	refused(RELEASE "\n" NIC "\n", "no modules for kernel " RELEASE ": Not a directory");
	assert_int_equal(unlinkat(dir, RELEASE, 0), 0);
	assert_int_equal(rename("elsewhere", "drivers/" RELEASE), 0);
}

static void files_that_are_not_there(void **state)
{
	struct nd_catalogue_answer answer;

	(void)state;
	folder_make("bare");
	refused("bare\n" NIC "\n", "bare/modules.alias: No such file or directory");
	text_write("bare/modules.alias", "alias pci:* nic\n");
	refused("bare\n" NIC "\n", "bare/modules.dep: No such file or directory");
	text_write("bare/modules.dep", "nic.ko: other.ko\nother.ko:\n");
	refused("bare\n" NIC "\n", "other.ko: No such file or directory");
	text_write("bare/other.ko", "");
	assert_int_equal(mkdirat(dir, "bare/nic.ko", 0755), 0);
	refused("bare\n" NIC "\n", "nic.ko: Invalid argument");
	assert_int_equal(unlinkat(dir, "bare/nic.ko", AT_REMOVEDIR), 0);
	assert_int_equal(mkfifoat(dir, "bare/nic.ko", 0644), 0);
	refused("bare\n" NIC "\n", "nic.ko: Invalid argument");
	assert_int_equal(unlinkat(dir, "bare/nic.ko", 0), 0);
	text_write("bare/nic.ko", "nic");
	answer = answered("bare\n" NIC "\n");
	assert_int_equal(answer.modules, 2);
	free(answer.archive);
	text_write("bare/modules.dep", "nic.ko: other.ko\n");
	refused("bare\n" NIC "\n", "modules.dep has no line for other.ko");
	text_write("bare/modules.dep", "nic.ko: \x1b[2J\xff.ko\n"); /* words are for terminals */
	refused("bare\n" NIC "\n", "modules.dep has no line for ?[2J?.ko");
}

static void paths_that_are_not_taken(void **state)
{
	static const char *const bad[] = {"/etc/nic.ko", "../nic.ko", "a/../../nic.ko",
					  "kernel/nic.ko\\x", "kernel/nic.\x01ko"};
	static const char *const good[] = {"nic.ko", "a..b/nic.ko", "a../..b/nic.ko"};
	char dep[64];

	(void)state;
	folder_make("paths");
	text_write("paths/modules.alias", "alias a: nic\nalias b: -nic\n");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(dep, sizeof dep, "%s:\n", bad[i]);
		text_write("paths/modules.dep", dep);
		refused("paths\na:\n", "modules.dep of paths has a path that is not taken");
	}
	text_write("paths/modules.dep", "kernel/-nic.ko:\n"); /* insmod would take it for options */
	refused("paths\nb:\n", "modules.dep of paths has a path that is not taken");
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		snprintf(dep, sizeof dep, "%s:\n", good[i]);
		text_write("paths/modules.dep", dep);
		refused("paths\na:\n", "nic.ko: No such file or directory");
	}
}

/* A header has room for 99, which is more than any module's has. */
static void names_are_as_long_as_a_header_takes(void **state)
{
	char name[101], text[128];

	(void)state;
	folder_make("long");
	for (unsigned int bytes = 99; bytes <= 100; bytes++) {
		snprintf(name, sizeof name, "%0*d.ko", (int)bytes - 3, 1);
		snprintf(text, sizeof text, "%s:\n", name);
		text_write("long/modules.dep", text);
		snprintf(text, sizeof text, "alias a: %.*s\n", (int)bytes - 3, name);
		text_write("long/modules.alias", text);
		snprintf(text, sizeof text, "long/%s", name);
		text_write(text, "long");
		if (bytes == 99)
			free(answered("long\na:\n").archive);
		else
			refused("long\na:\n", "modules.dep of long has a path that is not taken");
	}
}

static void what_is_too_large_is_refused(void **state)
{
	struct nd_catalogue_answer answer;
	int fd;

	(void)state;
	folder_make("large");
	text_write("large/modules.alias", "alias a: nic\n");
	text_write("large/modules.dep", "nic.ko: other.ko\nother.ko:\n");
	text_write("large/nic.ko", "n");
	fd = openat(dir, "large/other.ko", O_RDWR | O_CREAT, 0644);
	assert_int_equal(ftruncate(fd, ND_CATALOGUE_BYTES_MAX), 0);
	refused("large\na:\n", "more than 64 MiB of modules for these devices");
	assert_int_equal(ftruncate(fd, ND_CATALOGUE_BYTES_MAX - 1), 0);
	answer = answered("large\na:\n");
	assert_true(answer.bytes > ND_CATALOGUE_BYTES_MAX);
	free(answer.archive);
	close(fd);
	fd = openat(dir, "large/modules.dep", O_RDWR);
	assert_int_equal(ftruncate(fd, (16 << 20) + 1), 0);
	close(fd);
	refused("large\na:\n", "large/modules.dep: File too large");
}

static void nothing_stays_open(void **state)
{
	(void)state;
	assert_int_equal(open_count(), open_at_start);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drivers_come_with_what_they_need),
		cmocka_unit_test(other_programs_take_it),
		cmocka_unit_test(zeros_behind_a_request_are_none_of_it),
		cmocka_unit_test(releases_cannot_lead_elsewhere),
		cmocka_unit_test(requests_that_are_none),
		cmocka_unit_test(a_release_may_be_a_link),
		cmocka_unit_test(files_that_are_not_there),
		cmocka_unit_test(paths_that_are_not_taken),
		cmocka_unit_test(names_are_as_long_as_a_header_takes),
		cmocka_unit_test(what_is_too_large_is_refused),
		cmocka_unit_test(nothing_stays_open),
	};

	return cmocka_run_group_tests(tests, kernel_make, kernel_remove);
}
