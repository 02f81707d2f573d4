// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * files.c - files that the server and netdumpctl read: keys, info.json and map.json of a
 * dump that was begun, a vmcore, depmod's texts with a request for drivers; and the names that
 * machines give themselves.
 *
 *   mode u8, and what each mode takes
 */
#include <ctype.h>
#include <unistd.h>

#include "server/catalogue.h"
#include "server/keys.h"
#include "server/modules.h"
#include "server/map.h"
#include "server/partial.h"
#include "server/store.h"
#include "server/verify.h"
#include "tests/fuzz/folder.h"

#define SESSION 0x1122334455667788ull

static const uint8_t token[ND_HELLO_TOKEN_BYTES] = "sixteen bytes..";

/* netdumpctl.c's, with the name that its rule gives it. */
int netdumpctl_main(int argc, char **argv);

static const char *key_path(struct nd_input *in, char path[128])
{
	nd_folder_put("key", in->at, in->left);
	snprintf(path, 128, "%s/key", nd_folder_path());
	return path;
}

/* The digits, a newline perhaps, and nothing else. */
static void own_key(struct nd_input *in)
{
	char path[128], why[ND_KEYS_WHY_BYTES] = "", text[ND_KEY_TEXT_BYTES];
	struct nd_keyring ring = {0};

	if (nd_keyring_own_load(&ring, key_path(in, path), why)) {
		nd_key_format(text, ring.private_key);
		ND_MUST(ring.has_own && in->left - (in->at[in->left - 1] == '\n') == 64);
		for (unsigned int i = 0; i < 64; i++)
			ND_MUST(tolower(in->at[i]) == text[i]);
	} else {
		ND_MUST(!ring.has_own && strstr(why, path));
	}
	nd_keyring_clear(&ring);
}

static void host_keys(struct nd_input *in)
{
	char path[128], why[ND_KEYS_WHY_BYTES] = "";
	struct nd_keyring ring = {0};
	uint8_t id[ND_WIRE_PSK_ID_BYTES];

	if (nd_keyring_hosts_load(&ring, key_path(in, path), why)) {
		ND_MUST(ring.host_count <= ND_KEYRING_HOSTS_MAX);
		for (size_t i = 0; i < ring.host_count; i++) {
			const struct nd_host_key *h = &ring.hosts[i];

			ND_MUST(nd_host_name_good(h->name));
			ND_MUST(nd_keyring_by_name(&ring, h->name) == h);
			ND_MUST(nd_keyring_by_id(&ring, h->id) == h);
		}
	} else {
		ND_MUST(!ring.host_count && strstr(why, path));
	}
	nd_input_copy(in, id, sizeof id);
	nd_keyring_by_id(&ring, id);
	nd_keyring_clear(&ring);
}

/* Whatever a machine calls itself, its folder has a name that leads nowhere else. */
static void host_name(struct nd_input *in)
{
	char *said = nd_input_text(in, 200), name[ND_STORE_NAME_BYTES];
	uint8_t mac[6];

	nd_input_copy(in, mac, sizeof mac);
	nd_store_host_name(name, said, mac);
	ND_MUST(*name && *name != '.' && memchr(name, 0, sizeof name));
	for (const char *c = name; *c; c++)
		ND_MUST(isalnum((unsigned char)*c) || strchr("._-", *c));
	free(said);
}

static void layout_must(const struct nd_map *map)
{
	const struct nd_vmcore *v = &map->layout;
	uint64_t offset = v->head_bytes, pages = 0, next = 0;

	ND_MUST(v->bytes <= 2 * ND_VMCORE_BYTES_MAX);
	for (size_t i = 0; i < v->extents; i++) {
		ND_MUST(v->extent[i].offset == offset && v->extent[i].count);
		ND_MUST(!i || v->extent[i].page > next);
		next = v->extent[i].page + v->extent[i].count;
		pages += v->extent[i].count;
		offset += v->extent[i].count * ND_PAGE_BYTES;
	}
	ND_MUST(pages == v->pages && offset == v->bytes);
	ND_MUST(map->missing.total <= pages && map->missing.spans <= ND_MAP_SPANS_MAX);
	for (size_t i = 0; i < map->missing.spans; i++) {
		const struct nd_span *s = &map->missing.span[i];

		ND_MUST(nd_vmcore_offset(v, s->page) != UINT64_MAX);
		ND_MUST(nd_vmcore_offset(v, s->page + s->count - 1) != UINT64_MAX);
	}
	ND_MUST(nd_map_fits(map, v, v->bytes) && !nd_map_fits(map, v, v->bytes + 1));
}

/* A map that is taken makes sense, and is the same when it is written and read again. */
static void map(struct nd_input *in)
{
	size_t bytes;
	char *text = (char *)nd_input_exact(in, in->left, &bytes), *again;
	const char *why = NULL;
	struct nd_map *m = nd_map_parse(text, bytes, SESSION, NULL, &why), *copy;

	ND_MUST(!nd_map_parse(text, bytes, SESSION, token, &why)); /* nobody guesses a seal */
	ND_MUST(why);
	if (m) {
		layout_must(m);
		memcpy(m->token, token, sizeof token);
		again = nd_map_text(m);
		ND_MUST(again);
		copy = nd_map_parse(again, strlen(again), SESSION, token, &why);
		ND_MUST(copy && nd_map_fits(copy, &m->layout, m->layout.bytes));
		ND_MUST(copy->missing.total == m->missing.total);
		ND_MUST(copy->absent.total == m->absent.total);
		nd_map_free(copy);
		free(again);
	}
	nd_map_free(m);
	free(text);
}

/* A dump's folder with files of the input's in it: each bytes u16, and those. */
static void dump_put(struct nd_input *in, bool partial)
{
	static const char *const name[] = {"info.json", "map.json", "vmcore"};

	for (unsigned int i = 0; i < 3; i++) {
		char path[128];
		size_t bytes;
		uint8_t *data = nd_input_exact(in, nd_input_u16(in), &bytes);

		snprintf(path, sizeof path, "host/20260101-000000-55667788%s/%s",
			 partial ? ND_STORE_PARTIAL : "", name[i]);
		if (bytes)
			nd_folder_put(path, data, bytes);
		free(data);
	}
}

/* What a server that starts finds of another's. */
static void begun(struct nd_input *in)
{
	bool partial = nd_input_u8(in) & 1;
	struct nd_partial p;
	struct nd_store s;
	char path[2 * ND_STORE_NAME_BYTES] = "";
	int top = nd_folder_open();

	dump_put(in, partial);
	if (nd_store_finished(top, "host", SESSION, token, path, sizeof path))
		ND_MUST(!partial && !strcmp(path, "host/20260101-000000-55667788"));
	nd_store_admits(top, "host", SESSION, token);
	if (!nd_store_open(&s, &nd_kinds[ND_HELLO_CRASH], top, "host", SESSION, 1767225600)) {
		nd_partial_look(&p, s.dir, "vmcore", SESSION);
		ND_MUST(p.percent <= 100 && (p.map || p.why_not));
		if (p.map)
			layout_must(p.map);
		nd_partial_free(&p);
		nd_store_close(&s);
	}
	close(top);
}

static void vmcore(struct nd_input *in)
{
	char path[128], sha[65], why[128] = "";
	FILE *file;

	nd_folder_put("vmcore", in->at, in->left);
	snprintf(path, sizeof path, "%s/vmcore", nd_folder_path());
	file = fopen(path, "r");
	ND_MUST(file);
	ND_MUST(!nd_verify_sha(fileno(file), sha) && strlen(sha) == 64);
	ND_MUST(nd_verify_elf(fileno(file), why, sizeof why) == !*why);
	fclose(file);
}

/* netdumpctl over such a folder: verb, --json. */
static void command(struct nd_input *in)
{
	static char *const verb[] = {"list", "show", "verify"};
	unsigned int how = nd_input_u8(in), which = how >> 1 & 3;
	char dir[128], *argv[8] = {"netdumpctl", "--dir", dir};
	int argc = 3, status;

	dump_put(in, how & 1);
	snprintf(dir, sizeof dir, "%s", nd_folder_path());
	if (how & 8)
		argv[argc++] = "--json";
	argv[argc++] = verb[which % 3];
	if (which % 3)
		argv[argc++] = "55667788";
	status = netdumpctl_main(argc, argv);
	ND_MUST(status == 0 || status == 1);
}

/* depmod's texts, each bytes u16, and those; then a request for drivers. */
static void drivers(struct nd_input *in)
{
	static const char *const name[] = {"6.1/modules.dep", "6.1/modules.alias",
					   "6.1/modules.softdep"};
	struct nd_catalogue_answer answer;
	int dir = nd_folder_open();
	uint8_t *data;
	size_t bytes;

	for (unsigned int i = 0; i < 3; i++) {
		data = nd_input_exact(in, nd_input_u16(in), &bytes);
		nd_folder_put(name[i], data, bytes);
		free(data);
	}
	nd_folder_put("6.1/kernel/nic.ko", "nic", 3);
	nd_folder_put("6.1/kernel/phy.ko.xz", "phy", 3);
	data = nd_input_exact(in, in->left, &bytes);
	if (nd_catalogue_answer_make(dir, (char *)data, bytes, &answer)) {
		ND_MUST(answer.modules && answer.modules <= 2);
		ND_MUST(answer.bytes == (3 + 2 * answer.modules + 1) * (size_t)512);
		ND_MUST(!strcmp(answer.archive, "order"));
	} else {
		ND_MUST(!answer.archive && *answer.why);
		for (const char *c = answer.why; *c; c++)
			ND_MUST(*c >= ' ' && *c <= '~');
	}
	free(answer.archive);
	free(data);
	close(dir);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	nd_folder_init();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static void (*const mode[])(struct nd_input *) = {own_key, host_keys, host_name, map,
							  begun,   vmcore,    command,   drivers};
	struct nd_input in = {data, bytes};
	int lowest = dup(0);

	close(lowest);
	mode[nd_input_u8(&in) % (sizeof mode / sizeof *mode)](&in);
	ND_MUST(dup(0) == lowest); /* no file was left open */
	close(lowest);
	nd_folder_clear();
	return 0;
}
