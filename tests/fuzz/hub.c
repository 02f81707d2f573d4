// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hub.c - the whole server between strangers, machines whose memory is spoilt, a network
 * that does anything, and a disk that breaks.  Machines are DINI's own agents over
 * image.h's memory, so that the fuzzer gets behind the first READ.
 *
 *   set-up u8: bit 0: keys; bit 1: machines have keys of their own; without keys, bits 2-3:
 *   what machines' HELLOs are about
 *   then steps: what u8, and what each takes (step_run)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sanitizer/allocator_interface.h>
#include <stdarg.h>
#include <unistd.h>

#include "dini/agent.h"
#include "server/catalogue.h"
#include "server/hub.h"
#include "server/select.h"
#include "tests/fuzz/disk.h"
#include "tests/fuzz/folder.h"
#include "tests/fuzz/image.h"
#include "wire/secure.h"

#define STEPS_MAX     64
#define MACHINES      3u /* that are real; a fourth address belongs to strangers only */
#define ADDRESSES     4u
#define TABLE         6u /* of the server: fewer than may come */
#define QUEUE         16u
#define PUMP_MAX      64
#define UNPROVEN_COST 65536u      /* memory that an address costs which has only said HELLO */
#define MACHINE_COST  (24u << 20) /* and one that sends memory: cache, notes, READs */
#define SILENCE_MS    30000u
#define LIVING_PAGES  5u /* of what a living system sends, the last in part */

struct machine {
	struct nd_agent agent;
	bool made;
	_Alignas(16) uint8_t memory[ND_IMAGE_BYTES];
	/* what the server sent, not taken yet */
	unsigned int first, count;
	size_t bytes[QUEUE];
	uint64_t datagram[QUEUE][ND_WIRE_DATAGRAM_MAX / 8];
};

static struct machine machine[MACHINES];
static struct nd_hub_options options;
static struct nd_hub *hub;
static struct nd_host_key host_key = {.name = "machine", .key = {4, 5, 6}};
static const struct nd_host_key *host_keys[] = {&host_key};
static struct nd_keyring own_key = {.has_own = true, .private_key = {1, 2, 3}}, all_keys;
static const struct nd_keyring *keys; /* of the server now; NULL: insecure */
static bool machines_keyed;
static unsigned int machines_kind;
static uint64_t random_next;
static struct nd_now now;
static size_t heap_before;
static bool data_came; /* well formed, from anyone */
static struct {
	uint64_t in_bytes, out_bytes;
	bool proven; /* sent a DATA */
} address[ADDRESSES];

static const struct nd_agent_peer server_peer = {{10, 0, 2, 1}, ND_WIRE_PORT};

/* The server's log goes nowhere; properties that are broken do not. */
int __wrap_fprintf(FILE *out, const char *format, ...);
int __wrap_fprintf(FILE *out, const char *format, ...)
{
	char line[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	if (!strncmp(line, "netdumpd: ", 10)) {
		ND_MUST(strchr(line, '\n') == line + strlen(line) - 1);
		return 0;
	}
	return fputs(line, out);
}

static struct sockaddr_in address_of(unsigned int number)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(ND_WIRE_CLIENT_PORT)};

	a.sin_addr.s_addr = htonl(0x0a000202 + number);
	return a;
}

/*
 * A server answers who spoke to it, with messages of its own kind, and sends a stranger less
 * than three times what came from him.
 */
static void server_sends(void *context, const struct sockaddr_in *to, const void *datagram,
			 size_t bytes)
{
	unsigned int number = ntohl(to->sin_addr.s_addr) - 0x0a000202;
	const struct nd_wire_header *h = datagram;
	struct machine *m;

	(void)context;
	ND_MUST(number < ADDRESSES && to->sin_port == htons(ND_WIRE_CLIENT_PORT));
	ND_MUST(nd_datagram_check(datagram, bytes) == ND_MESSAGE_OK);
	ND_MUST(nd_datagram_type(h) == ND_READ || nd_datagram_type(h) == ND_DONE ||
		(nd_datagram_type(h) == ND_GIVE && address[number].proven));
	ND_MUST(keys ? nd_datagram_form(h) != 0 : !nd_plain_open(datagram, bytes));
	address[number].out_bytes += bytes;
	ND_MUST(address[number].proven ||
		address[number].out_bytes <= 3 * address[number].in_bytes);
	if (number >= MACHINES || machine[number].count == QUEUE)
		return;
	m = &machine[number];
	memcpy(m->datagram[(m->first + m->count) % QUEUE], datagram, bytes);
	m->bytes[(m->first + m->count++) % QUEUE] = bytes;
}

static void cost_must(void)
{
	size_t heap = __sanitizer_get_current_allocated_bytes() - heap_before;

	ND_MUST(heap <= TABLE * (data_came ? MACHINE_COST : UNPROVEN_COST));
}

/* Not the same twice, and the same in every run. */
static void random_draw(void *context, void *to, size_t bytes)
{
	uint8_t *p = to;

	(void)context;
	for (size_t i = 0; i < bytes; i++) {
		random_next = random_next * 6364136223846793005u + 1442695040888963407u;
		p[i] = (uint8_t)(random_next >> 56);
	}
}

/* A copy of exact size, for the hub to write to.  genuine: of a machine, as it left it. */
static void server_takes(unsigned int number, const void *datagram, size_t bytes, bool genuine)
{
	const struct nd_wire_header *h = datagram;
	struct sockaddr_in from = address_of(number);
	uint64_t *copy = malloc(bytes ? bytes : 1);

	ND_MUST(copy);
	memcpy(copy, datagram, bytes);
	address[number].in_bytes += bytes;
	genuine = genuine || (!keys && nd_plain_open(copy, bytes) == ND_MESSAGE_OK);
	if (genuine && bytes >= sizeof *h && nd_datagram_type(h) == ND_DATA)
		address[number].proven = data_came = true;
	nd_hub_datagram(hub, now, &from, copy, bytes);
	free(copy);
	cost_must();
}

static const void *page_lend(void *ctx, uint64_t phys)
{
	const struct machine *m = ctx;

	return phys >= ND_IMAGE_RAM && phys < ND_IMAGE_BYTES ? m->memory + phys : NULL;
}

static struct machine *machine_get(unsigned int number)
{
	struct machine *m = &machine[number];
	struct nd_agent_config config = {
		.security = !keys            ? ND_AGENT_PLAIN
			    : machines_keyed ? ND_AGENT_NKPSK0
					     : ND_AGENT_NK,
		.has_psk = keys && machines_keyed,
		.seed = {(uint8_t)number},
		.mac = {0x52, 0x54, 0, 0, 0, (uint8_t)number},
		.server_count = 1,
		.server = {server_peer},
		.host = "machine",
		.reason = "fuzz",
		.elfcorehdr_phys = ND_IMAGE_ELFCOREHDR,
		.cr3 = ND_IMAGE_CR3,
		.range_count = 2,
		.range = {{ND_IMAGE_RAM, ND_IMAGE_BYTES - ND_IMAGE_RAM, 1, 0},
			  {ND_IMAGE_BYTES, 0x1000, 4, 0}},
		.page = page_lend,
		.page_ctx = m,
	};

	if (m->made)
		return m;
	memcpy(config.server_key[0], own_key.public_key, ND_WIRE_KEY_BYTES);
	memcpy(config.psk, host_key.key, ND_WIRE_KEY_BYTES);
	nd_image_make(m->memory);
	if (number)
		nd_image_structs_put(m->memory);
	nd_agent_init(&m->agent, &config, now.ms);
	m->first = m->count = 0;
	m->made = true;
	return m;
}

/* An answer of any length, made of what the request begins with. */
bool nd_catalogue_answer_make(int dir_fd, const char *request, size_t bytes,
			      struct nd_catalogue_answer *answer)
{
	ND_MUST(dir_fd == options.drivers && bytes);
	memset(answer, 0, sizeof *answer);
	answer->bytes = 20u * (255u - (uint8_t)request[0]);
	answer->archive = answer->bytes ? calloc(1, answer->bytes) : NULL;
	snprintf(answer->why, sizeof answer->why, "nothing fits");
	return answer->archive;
}

/* Not of a crash then. */
static void hello_live(struct nd_wire_hello *hello)
{
	if (keys || !machines_kind || nd_datagram_type(&hello->header) != ND_HELLO)
		return;
	hello->kind = (uint16_t)machines_kind;
	hello->range_count = 1;
	hello->range[0] = (struct nd_wire_range){0, LIVING_PAGES * ND_PAGE_BYTES - 100, 1, 0};
	hello->header.length = (uint16_t)nd_hello_bytes(hello);
}

/*
 * One datagram of a machine, on its way: how & 1: damaged; & 2: twice; & 4: lost.  False: it
 * has nothing to say.
 */
static bool machine_sends(struct nd_input *in, unsigned int number, unsigned int how)
{
	struct machine *m = machine_get(number);
	uint64_t buffer[ND_WIRE_DATAGRAM_MAX / 8];
	struct nd_agent_peer to;
	size_t bytes = nd_agent_output(&m->agent, buffer, sizeof buffer, now.ms, &to);

	if (!bytes)
		return false;
	hello_live((struct nd_wire_hello *)buffer);
	bytes = ((struct nd_wire_header *)buffer)->length;
	if (how & 1) {
		uint16_t at = nd_input_u16(in);

		((uint8_t *)buffer)[at % bytes] ^= nd_input_u8(in);
	}
	for (unsigned int i = how & 4 ? 2 : !(how & 2); i < 2; i++)
		server_takes(number, buffer, bytes, !(how & 1));
	return true;
}

/* All that came for the machine; lost: none of it. */
static void machine_takes(unsigned int number, bool lost)
{
	struct machine *m = machine_get(number);

	for (; m->count; m->count--) {
		if (!lost)
			nd_agent_input(&m->agent, &server_peer, m->datagram[m->first],
				       m->bytes[m->first], now.ms);
		m->first = (m->first + 1) % QUEUE;
	}
}

/* Back and forth until nothing moves; time goes by where the machine waits. */
static void machine_pump(struct nd_input *in, unsigned int number, bool patient)
{
	for (unsigned int i = 0; i < PUMP_MAX; i++) {
		machine_takes(number, false);
		if (machine_sends(in, number, 0))
			continue;
		if (!patient || nd_agent_done(&machine[number].agent))
			return;
		now.ms += 50;
		nd_hub_tick(hub, now);
	}
}

/* Anyone has the server's public key, and a machine may have lost its own. */
static void hello_say(unsigned int number, const struct nd_wire_hello *hello, bool with_psk)
{
	uint64_t buffer[ND_WIRE_DATAGRAM_MAX / 8];
	uint8_t ephemeral[ND_WIRE_KEY_BYTES];
	struct nd_noise noise;
	size_t bytes = nd_hello_bytes(hello);

	if (!keys) {
		server_takes(number, hello, bytes, false);
		return;
	}
	random_draw(NULL, ephemeral, sizeof ephemeral);
	memcpy((uint8_t *)buffer + ND_HANDSHAKE_OFFSET, hello, bytes);
	bytes = nd_hello_seal(&noise, buffer, own_key.public_key, with_psk ? host_key.key : NULL,
			      ephemeral);
	server_takes(number, buffer, bytes, false);
}

/*
 * A HELLO of anyone's, well formed.  how u8: bits 0-1: ranges; bit 4: with a machine's
 * session, bit 5: with its token, bit 6: with its key; bit 7: of another kind, with one range
 */
static void hello_forge(struct nd_input *in, unsigned int number)
{
	unsigned int how = nd_input_u8(in), name = nd_input_u8(in) % ND_HOST_NAME_BYTES;
	uint64_t session = nd_input_u8(in) + 1u;
	struct nd_wire_hello hello;

	nd_hello_init(&hello, session, nd_input_u8(in));
	if (how & 0x10)
		hello.header.session = machine_get(number % MACHINES)->agent.session;
	if (how & 0x20)
		memcpy(hello.token, machine_get(number % MACHINES)->agent.token,
		       sizeof hello.token);
	hello.state = nd_input_u8(in) & 1;
	hello.read_queue = nd_input_u8(in);
	hello.last_read_id = nd_input_u32(in);
	hello.elfcorehdr_phys = nd_input_u64(in);
	hello.elapsed_ms = nd_input_u32(in);
	for (unsigned int i = 0; i < how % 4; i++) {
		uint64_t phys = nd_input_u64(in), bytes = nd_input_u64(in);

		nd_hello_range_add(&hello, phys, bytes, nd_input_u8(in));
	}
	nd_input_copy(in, hello.host, name);
	nd_input_copy(in, hello.mac, sizeof hello.mac);
	if (how & 0x80) {
		hello.kind = nd_input_u8(in) % ND_HELLO_KINDS;
		hello.range_count = 0;
		nd_hello_range_add(&hello, 0, nd_input_u32(in), 1);
	}
	hello_say(number, &hello, how & 0x40);
}

/* Many HELLOs, each of a session of its own. */
static void hello_flood(unsigned int number, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct nd_wire_hello hello;

		nd_hello_init(&hello, 0x1000u + i, 1);
		nd_hello_range_add(&hello, 0, 1ull << 40, 1);
		hello.elfcorehdr_phys = 0x1000u;
		hello_say(number, &hello, false);
	}
}

/* A message of the machine's own, in the form that it speaks in. */
static void machine_says(unsigned int number, void *buffer, size_t bytes)
{
	struct machine *m = &machine[number];

	if (keys && m->agent.handshake.keys.valid)
		bytes = nd_sealed_seal(&m->agent.handshake.keys, buffer);
	server_takes(number, buffer, bytes, true);
}

/*
 * DATA for what the machine was asked last, with any records: kind u8, phys u32 in grains,
 * grains u8 or, with kind's bit 7, u32; stored bytes u16, and those.
 */
static void data_forge(struct nd_input *in, unsigned int number)
{
	struct machine *m = machine_get(number);
	uint64_t buffer[ND_WIRE_DATAGRAM_MAX / 8];
	unsigned int records = nd_input_u8(in) % 8;
	uint32_t id = m->agent.last_read_id + 1 - nd_input_u8(in) % 4;
	struct nd_data_writer w;

	nd_data_begin(&w, buffer, m->agent.session, 1, id, nd_input_u8(in));
	for (unsigned int i = 0; i < records; i++) {
		unsigned int kind = nd_input_u8(in);
		uint64_t phys = (uint64_t)nd_input_u32(in) * ND_GRAIN_BYTES;
		uint32_t raw = (kind & 0x80 ? nd_input_u32(in) : nd_input_u8(in)) * ND_GRAIN_BYTES;
		uint8_t stored[ND_WIRE_MESSAGE_MAX];
		size_t bytes = nd_input_u16(in) % sizeof stored;

		if (kind % 4 + 1 >= ND_RECORD_ZERO)
			bytes = 0;
		nd_input_copy(in, stored, bytes);
		nd_data_add(&w, phys, raw, kind % 4 + 1, stored, bytes);
	}
	machine_says(number, buffer, nd_data_end(&w, ND_DATA_LAST));
}

/* A text of any printable characters, its length before it. */
static void text_take(struct nd_input *in, char *to, size_t room)
{
	size_t bytes = nd_input_u8(in) % room;

	nd_input_copy(in, to, bytes);
	for (size_t i = 0; i < bytes; i++)
		to[i] = (char)(' ' + (uint8_t)to[i] % 95);
}

/* Many of them, of a host and of others with names that are like it. */
static void last_words_say(struct nd_input *in, unsigned int number)
{
	unsigned int count = nd_input_u8(in) + 1;
	struct nd_wire_last_words words = {0};

	nd_header_init(&words.header, ND_LAST_WORDS, 1, 0, sizeof words);
	nd_input_copy(in, words.mac, sizeof words.mac);
	text_take(in, words.host, sizeof words.host);
	text_take(in, words.text, sizeof words.text);
	for (unsigned int i = 0; i < count; i++) {
		server_takes(number, &words, sizeof words, false);
		words.mac[5]++;
	}
}

/* how: bit 7: with a header of a machine's session, bit 6: under its keys. */
static void datagram_in(struct nd_input *in, unsigned int number, unsigned int how,
			unsigned int real)
{
	size_t wanted = nd_input_u16(in) % (ND_WIRE_DATAGRAM_MAX + 64), bytes;
	uint8_t *datagram = nd_input_exact(in, wanted, &bytes);
	uint64_t buffer[ND_WIRE_DATAGRAM_MAX / 8];
	struct nd_wire_header *h = (void *)datagram;

	if (how & 0xc0 && bytes >= sizeof *h) {
		h->magic = ND_WIRE_MAGIC;
		h->version = ND_WIRE_VERSION;
		h->length = (uint16_t)bytes;
		h->session = machine_get(real)->agent.session;
	}
	if (how & 0x40 && bytes >= sizeof *h && bytes <= ND_WIRE_MESSAGE_MAX) {
		h->type &= (uint8_t)~ND_FORM_MASK;
		memcpy(buffer, datagram, bytes);
		machine_says(real, buffer, bytes);
	} else {
		server_takes(number, datagram, bytes, false);
	}
	free(datagram);
}

/*
 * Any bytes; how: bit 7: with a header of a machine's session, bit 6: under its keys; or bit 5
 * alone: last words.
 */
static void bytes_in(struct nd_input *in, unsigned int number)
{
	unsigned int how = nd_input_u8(in), real = how % MACHINES;

	if ((how & 0xe0) == 0x20)
		last_words_say(in, number);
	else
		datagram_in(in, number, how, real);
}

/* The server is stopped and started again: another life, over what the last one left. */
static void server_restart(void)
{
	nd_hub_stop(hub, now);
	hub = nd_hub_new(&options);
	ND_MUST(hub);
	cost_must();
}

static void step_run(struct nd_input *in)
{
	unsigned int what = nd_input_u8(in), number = what >> 4 & 3;
	unsigned int real = number % MACHINES;

	switch (what & 15) {
	case 0:
		machine_takes(real, what & 0x80);
		break;
	case 1:
	case 2:
		machine_sends(in, real, nd_input_u8(in));
		break;
	case 3:
	case 4:
		machine_pump(in, real, what & 0x80);
		break;
	case 5:
		now.ms += nd_input_u16(in);
		/* fall through */
	case 6:
		ND_MUST(nd_hub_tick(hub, now) <= now.ms + 1000);
		break;
	case 7:
		hello_forge(in, number);
		break;
	case 8:
		hello_flood(number, nd_input_u8(in) % 64);
		break;
	case 9:
	case 10:
		data_forge(in, real);
		break;
	case 11:
		bytes_in(in, number);
		break;
	case 12:
		machine[real].made = false; /* it boots, and crashes anew */
		break;
	case 13:
		nd_disk_break(nd_input_u8(in) % 64, nd_input_u8(in) % 8,
			      what & 0x80  ? ENOSPC
			      : number % 2 ? EIO
					   : 0);
		break;
	case 14:
		server_restart();
		break;
	default:
		nd_image_spoil(machine_get(real)->memory, in);
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	nd_folder_init();
	nd_noise_public(own_key.public_key, own_key.private_key);
	nd_psk_id(host_key.id, host_key.key);
	all_keys = own_key;
	all_keys.hosts = &host_key;
	all_keys.by_id = host_keys;
	all_keys.host_count = 1;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct nd_input in = {data, bytes};
	unsigned int how = nd_input_u8(&in);
	int lowest;

	options = (struct nd_hub_options){
		.top = nd_folder_open(),
		.drivers = how & 16 ? -1 : INT32_MAX,
		.machines_max = TABLE,
		.silence_ms = SILENCE_MS,
		.pool_bytes = 1 << 20,
		.map_ms = 1000,
		.level = ND_LEVEL_MAX,
		.event_fd = -1,
		.keys = !(how & 1) ? NULL
			: how & 2  ? &all_keys
				   : &own_key,
		.random = random_draw,
		.send = server_sends,
	};
	lowest = dup(options.top);
	close(lowest);
	keys = options.keys;
	machines_keyed = how & 2;
	machines_kind = how >> 2 & 3;
	random_next = 1;
	memset(address, 0, sizeof address);
	for (unsigned int i = 0; i < MACHINES; i++)
		machine[i].made = false;
	data_came = false;
	now = (struct nd_now){1000, 1.7e9};
	hub = nd_hub_new(&options);
	ND_MUST(hub);
	heap_before = __sanitizer_get_current_allocated_bytes();
	for (unsigned int i = 0; i < STEPS_MAX && nd_input_more(&in); i++) {
		step_run(&in);
		now.s = 1.7e9 + (double)now.ms / 1000;
	}
	nd_hub_stop(hub, now);
	nd_disk_break(0, 0, 0);
	nd_disk_must();
	nd_folder_clear();
	ND_MUST(dup(options.top) == lowest); /* no file was left open */
	close(lowest);
	close(options.top);
	return 0;
}
