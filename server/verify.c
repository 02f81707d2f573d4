// SPDX-License-Identifier: GPL-2.0-or-later
/* verify.c - whether a vmcore on disk is what info.json says, and a well-formed ELF core. */
#include "server/verify.h"

#include <errno.h>
#include <gelf.h>
#include <nettle/sha2.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int nd_verify_sha(int fd, char text[65])
{
	static uint8_t step[1 << 18];
	uint8_t sum[SHA256_DIGEST_SIZE];
	struct sha256_ctx sha;
	off_t at = 0;

	sha256_init(&sha);
	for (;;) {
		ssize_t n = pread(fd, step, sizeof step, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		if (!n)
			break;
		sha256_update(&sha, (size_t)n, step);
		at += n;
	}
	sha256_digest(&sha, sizeof sum, sum);
	for (size_t i = 0; i < sizeof sum; i++)
		snprintf(text + 2 * i, 3, "%02x", sum[i]);
	return 0;
}

static bool notes_parse(Elf *elf, const GElf_Phdr *phdr)
{
	Elf_Data *data =
		elf_getdata_rawchunk(elf, (int64_t)phdr->p_offset, phdr->p_filesz, ELF_T_NHDR);
	size_t at = 0, name, desc;
	GElf_Nhdr note;

	while (data && at < data->d_size) {
		size_t next = gelf_getnote(data, at, &note, &name, &desc);

		if (next <= at)
			return false;
		at = next;
	}
	return data != NULL;
}

static const char *phdrs_check(Elf *elf, uint64_t file_bytes)
{
	size_t count = 0, loads = 0;
	GElf_Phdr p;

	if (elf_getphdrnum(elf, &count))
		return "its program headers cannot be read";
	for (size_t i = 0; i < count; i++) {
		if (!gelf_getphdr(elf, (int)i, &p))
			return "a program header cannot be read";
		if (p.p_offset > file_bytes || p.p_filesz > file_bytes - p.p_offset)
			return "an extent lies outside the file";
		if (p.p_type == PT_LOAD && p.p_filesz > p.p_memsz)
			return "an extent is larger in the file than in memory";
		if (p.p_type == PT_NOTE && !notes_parse(elf, &p))
			return "its notes do not parse";
		loads += p.p_type == PT_LOAD;
	}
	return loads ? NULL : "it holds no memory";
}

bool nd_verify_elf(int fd, char *why, size_t room)
{
	const char *wrong = "not an ELF64 core file";
	struct stat st;
	GElf_Ehdr ehdr;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (elf && !fstat(fd, &st) && gelf_getclass(elf) == ELFCLASS64 &&
	    gelf_getehdr(elf, &ehdr) && ehdr.e_type == ET_CORE)
		wrong = phdrs_check(elf, (uint64_t)st.st_size);
	elf_end(elf);
	if (wrong)
		snprintf(why, room, "%s", wrong);
	return !wrong;
}
