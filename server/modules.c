// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * modules.c - which of a kernel's modules a device needs, in the order to load them.
 *
 * Sources: modules.dep(5), modprobe.d(5); that softdeps of dependencies count, too, and may be
 * aliases, is what modprobe does.
 */
#include "server/modules.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The next line of a text; false: it is over. */
static bool line_next(const char **text, struct nd_words *line)
{
	if (!*text || !**text)
		return false;
	line->at = *text;
	line->bytes = strcspn(*text, "\n");
	*text += line->bytes + (line->at[line->bytes] == '\n');
	return true;
}

/* Takes the first word off a line; false: there is none. */
static bool word_next(struct nd_words *line, struct nd_words *word)
{
	const char *end = line->at + line->bytes, *at = line->at;

	while (at < end && is_blank(*at))
		at++;
	word->at = at;
	while (at < end && !is_blank(*at))
		at++;
	word->bytes = (size_t)(at - word->at);
	*line = (struct nd_words){at, (size_t)(end - at)};
	return word->bytes;
}

/* Takes the last word off a line. */
static bool word_last(struct nd_words *line, struct nd_words *word)
{
	const char *end = line->at + line->bytes;

	while (end > line->at && is_blank(end[-1]))
		end--;
	word->at = end;
	while (word->at > line->at && !is_blank(word->at[-1]))
		word->at--;
	word->bytes = (size_t)(end - word->at);
	line->bytes = (size_t)(word->at - line->at);
	return word->bytes;
}

static bool word_is(struct nd_words word, const char *text)
{
	return word.bytes == strlen(text) && !memcmp(word.at, text, word.bytes);
}

struct nd_words nd_modules_file_name(struct nd_words path)
{
	const char *slash = memrchr(path.at, '/', path.bytes);

	if (slash) {
		path.bytes -= (size_t)(slash + 1 - path.at);
		path.at = slash + 1;
	}
	return path;
}

/* Of a path: its file's name up to the first dot. */
static struct nd_words name_of(struct nd_words path)
{
	struct nd_words name = nd_modules_file_name(path);
	const char *dot = memchr(name.at, '.', name.bytes);

	if (dot)
		name.bytes = (size_t)(dot - name.at);
	return name;
}

static char underscored(char c)
{
	return c == '-' ? '_' : c;
}

/* As strcmp(). */
static int name_compare(struct nd_words a, struct nd_words b)
{
	for (size_t i = 0; i < a.bytes && i < b.bytes; i++)
		if (underscored(a.at[i]) != underscored(b.at[i]))
			return underscored(a.at[i]) < underscored(b.at[i]) ? -1 : 1;
	return (a.bytes > b.bytes) - (a.bytes < b.bytes);
}

static int module_compare(const void *a, const void *b)
{
	const struct nd_module *one = a, *other = b;

	return name_compare(one->name, other->name);
}

static const struct nd_module *module_find(const struct nd_modules *m, struct nd_words name)
{
	const struct nd_module key = {.name = name};

	return bsearch(&key, m->module, m->modules, sizeof key, module_compare);
}

/* "PATH: PATH..." */
static bool module_parse(struct nd_module *module, struct nd_words line)
{
	if (!word_next(&line, &module->path) || module->path.at[module->path.bytes - 1] != ':')
		return false;
	module->path.bytes--;
	module->name = name_of(module->path);
	module->needs = line;
	return module->name.bytes;
}

bool nd_modules_init(struct nd_modules *m, const char *alias, const char *dep, const char *softdep)
{
	const char *text = dep;
	struct nd_words line;
	size_t lines = 0;

	memset(m, 0, sizeof *m);
	m->alias = alias;
	m->softdep = softdep;
	while (line_next(&text, &line))
		lines++;
	m->module = calloc(lines + 1, sizeof *m->module);
	if (!m->module)
		return false;
	for (text = dep; line_next(&text, &line);)
		m->modules += module_parse(&m->module[m->modules], line);
	qsort(m->module, m->modules, sizeof *m->module, module_compare);
	return true;
}

void nd_modules_free(struct nd_modules *m)
{
	free(m->module);
	memset(m, 0, sizeof *m);
}

/* An alias with its dashes as underscores; those in a pattern's brackets stay.  False: too long. */
static bool alias_copy(char to[ND_MODULES_ALIAS_BYTES], struct nd_words alias, bool pattern)
{
	bool in_brackets = false;

	if (alias.bytes >= ND_MODULES_ALIAS_BYTES)
		return false;
	for (size_t i = 0; i < alias.bytes; i++) {
		if (pattern && (alias.at[i] == '[' || alias.at[i] == ']'))
			in_brackets = alias.at[i] == '[';
		to[i] = in_brackets ? alias.at[i] : underscored(alias.at[i]);
	}
	to[alias.bytes] = 0;
	return true;
}

static bool alias_add(struct nd_modules *m, struct nd_words alias);
static bool module_add(struct nd_modules *m, const struct nd_module *module);

/* The name of a module or, if none is called so, an alias. */
static bool softdep_add(struct nd_modules *m, struct nd_words word)
{
	const struct nd_module *module = module_find(m, word);

	return module ? module_add(m, module) : alias_add(m, word);
}

/* "softdep NAME pre: WORD... post: WORD..." */
static bool softdeps_add(struct nd_modules *m, struct nd_words name)
{
	const char *text = m->softdep;
	struct nd_words line, word;

	while (line_next(&text, &line)) {
		bool pre = false;

		if (!word_next(&line, &word) || !word_is(word, "softdep") ||
		    !word_next(&line, &word) || name_compare(word, name))
			continue;
		while (word_next(&line, &word)) {
			if (word_is(word, "pre:") || word_is(word, "post:"))
				pre = word_is(word, "pre:");
			else if (pre && !softdep_add(m, word))
				return false;
		}
	}
	return true;
}

/* The last that a line names is to be loaded first. */
static bool needs_add(struct nd_modules *m, struct nd_words needs)
{
	const struct nd_module *module;
	struct nd_words path;

	while (word_last(&needs, &path)) {
		module = module_find(m, name_of(path));
		if (!module) {
			snprintf(m->why, sizeof m->why, "modules.dep has no line for %.*s",
				 (int)path.bytes, path.at);
			return false;
		}
		if (!module_add(m, module))
			return false;
	}
	return true;
}

/* The recursion ends: each level has seen another module. */
static bool module_add(struct nd_modules *m, const struct nd_module *module)
{
	for (unsigned int i = 0; i < m->seen_count; i++)
		if (m->seen[i] == module)
			return true;
	if (m->seen_count == ND_MODULES_MAX) {
		snprintf(m->why, sizeof m->why, "these devices need more than %d modules",
			 ND_MODULES_MAX);
		return false;
	}
	m->seen[m->seen_count++] = module;
	if (!needs_add(m, module->needs) || !softdeps_add(m, module->name))
		return false;
	m->path[m->count++] = module->path;
	return true;
}

/* "alias PATTERN NAME" */
static bool alias_add(struct nd_modules *m, struct nd_words alias)
{
	char wanted[ND_MODULES_ALIAS_BYTES], pattern[ND_MODULES_ALIAS_BYTES];
	const struct nd_module *module;
	const char *text = m->alias;
	struct nd_words line, word;

	if (!alias_copy(wanted, alias, false))
		return true;
	while (line_next(&text, &line)) {
		if (!word_next(&line, &word) || !word_is(word, "alias") ||
		    !word_next(&line, &word) || !alias_copy(pattern, word, true) ||
		    fnmatch(pattern, wanted, 0) || !word_next(&line, &word))
			continue;
		module = module_find(m, word);
		if (module && !module_add(m, module))
			return false;
	}
	return true;
}

bool nd_modules_add(struct nd_modules *m, const char *alias)
{
	return alias_add(m, (struct nd_words){alias, strlen(alias)});
}
