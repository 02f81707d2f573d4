// SPDX-License-Identifier: GPL-2.0-or-later
/* verify.c - whether a made-up machine's dump is what the machine had. */
#include "tests/tools/fakecrash/verify.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "server/store.h"

#define DIR_FLAGS  (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#define LOADS      2
#define LOG_MAX    65536
#define HEAD_MAX   16384
#define READ_BYTES (64 * ND_PAGE_BYTES)
#define SAY(...)   snprintf(why, VERIFY_WHY_BYTES, __VA_ARGS__)

/* The one folder in HOST, which must not be a partial one. */
static int dump_open(int dir, const char *host, char why[VERIFY_WHY_BYTES])
{
	int fd = openat(dir, host, DIR_FLAGS), dump = -1;
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	unsigned int count = 0;
	struct dirent *e;

	if (!d) {
		SAY("no folder: %s", strerror(errno));
		return -1;
	}
	while ((e = readdir(d))) {
		size_t bytes = strlen(e->d_name), tail = strlen(ND_STORE_PARTIAL);

		if (e->d_name[0] == '.')
			continue;
		count++;
		if (bytes > tail && !strcmp(e->d_name + bytes - tail, ND_STORE_PARTIAL))
			SAY("%s is not complete", e->d_name);
		else if (count == 1)
			dump = openat(fd, e->d_name, DIR_FLAGS);
	}
	closedir(d);
	if (count != 1) {
		SAY("%u dumps instead of one", count);
		if (dump >= 0)
			close(dump);
		dump = -1;
	}
	return dump;
}

/* The notes of the image, one behind the other, as they stand in a vmcore. */
static size_t notes_make(const struct memory *m, const Elf64_Phdr *phdr, uint8_t *to)
{
	size_t used = 0;

	for (; phdr->p_type == PT_NOTE; phdr++) {
		const uint8_t *at = m->linux_image + phdr->p_offset;
		Elf64_Nhdr n;
		size_t bytes;

		memcpy(&n, at, sizeof n);
		bytes = sizeof n + (n.n_namesz + 3u) / 4 * 4 + (n.n_descsz + 3u) / 4 * 4;
		memcpy(to + used, at, bytes);
		used += bytes;
	}
	return used;
}

/* What stands before the memory; how long it is. */
static size_t head_make(const struct memory *m, uint8_t head[HEAD_MAX], Elf64_Phdr load[LOADS])
{
	const Elf64_Ehdr *ehdr = (const Elf64_Ehdr *)(m->linux_image + ND_IMAGE_ELFCOREHDR);
	const Elf64_Phdr *phdr = (const Elf64_Phdr *)(ehdr + 1), *end = phdr + ehdr->e_phnum;
	struct {
		Elf64_Ehdr ehdr;
		Elf64_Phdr note, load[LOADS];
	} h = {.ehdr = *ehdr};
	size_t bytes = notes_make(m, phdr, head + sizeof h), used = 0, offset;

	offset = (sizeof h + bytes + ND_PAGE_BYTES - 1) / ND_PAGE_BYTES * ND_PAGE_BYTES;
	h.ehdr.e_phnum = LOADS + 1;
	h.note = (Elf64_Phdr){.p_type = PT_NOTE,
			      .p_offset = sizeof h,
			      .p_filesz = bytes,
			      .p_memsz = bytes,
			      .p_align = 4};
	for (uint64_t at = offset; phdr < end; phdr++) {
		if (phdr->p_type != PT_LOAD)
			continue;
		load[used] = *phdr;
		load[used].p_offset = at;
		load[used].p_align = 0;
		at += load[used++].p_filesz;
	}
	memcpy(h.load, load, sizeof h.load);
	memcpy(head, &h, sizeof h);
	return offset;
}

static bool head_verify(const struct memory *m, int fd, Elf64_Phdr load[LOADS],
			char why[VERIFY_WHY_BYTES])
{
	uint8_t want[HEAD_MAX] = {0}, got[HEAD_MAX];
	size_t bytes = head_make(m, want, load);
	off_t end = (off_t)(load[LOADS - 1].p_offset + load[LOADS - 1].p_filesz);

	if (nd_store_read(fd, got, bytes, 0) || memcmp(got, want, bytes)) {
		SAY("vmcore's headers or notes are not this machine's");
		return false;
	}
	if (lseek(fd, 0, SEEK_END) != end) {
		SAY("vmcore has another length");
		return false;
	}
	return true;
}

static bool load_verify(const struct memory *m, unsigned int machine, int fd,
			const Elf64_Phdr *load, char why[VERIFY_WHY_BYTES])
{
	static uint8_t got[READ_BYTES], room[ND_PAGE_BYTES];

	for (uint64_t at = 0; at < load->p_filesz; at += READ_BYTES) {
		uint64_t left = load->p_filesz - at, bytes = left < READ_BYTES ? left : READ_BYTES;
		int error = nd_store_read(fd, got, bytes, load->p_offset + at);

		if (error) {
			SAY("vmcore: %s", strerror(error));
			return false;
		}
		for (uint64_t i = 0; i < bytes; i += ND_PAGE_BYTES) {
			uint64_t phys = load->p_paddr + at + i;

			if (memcmp(got + i, memory_page(m, machine, phys, room), ND_PAGE_BYTES)) {
				SAY("vmcore: the page at %#llx differs", (unsigned long long)phys);
				return false;
			}
		}
	}
	return true;
}

static bool log_verify(int dump, char why[VERIFY_WHY_BYTES])
{
	char *text;
	size_t bytes;
	int error = nd_store_text(dump, "dmesg.txt", LOG_MAX, &text, &bytes);
	bool good = !error && !strcmp(text, nd_image_log);

	if (!good)
		SAY("dmesg.txt: %s", error ? strerror(error) : "not this machine's log");
	free(text);
	return good;
}

bool verify_dump(const struct memory *m, unsigned int machine, int dir, const char *host,
		 char why[VERIFY_WHY_BYTES])
{
	int dump = dump_open(dir, host, why), fd;
	Elf64_Phdr load[LOADS];
	bool good;

	if (dump < 0)
		return false;
	fd = openat(dump, "vmcore", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		SAY("vmcore: %s", strerror(errno));
	good = fd >= 0 && head_verify(m, fd, load, why);
	for (unsigned int i = 0; i < LOADS && good; i++)
		good = load_verify(m, machine, fd, &load[i], why);
	good = good && log_verify(dump, why);
	if (fd >= 0)
		close(fd);
	close(dump);
	return good;
}
