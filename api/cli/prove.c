/* audit verify: the proof of files, without asking the broker. */
#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "../../broker/base/b64.h"
#include "files.h"
#include "output.h"
#include "verify.h"

#define HEX_SIZE (2 * SHA256_SIZE + 1)

const struct option_row audit_verify_options[] = {
	{ "key", 0, OPTION_MANY, false, "FILE",
	    "public key (audit.pub beside the log); repeatable",
	    COMPLETE_FILE, NULL },
	{ "pin", 0, OPTION_MANY, false, "SHA256",
	    "believe only keys with this digest (of the SPKI); repeatable",
	    COMPLETE_NONE, NULL },
	{ "from", 0, OPTION_NUMBER, false, "SEQ",
	    "the log begins with this line (1)", COMPLETE_NONE, NULL },
	{ "last", 0, OPTION_NUMBER, false, "SEQ",
	    "the log must reach this line at least", COMPLETE_NONE, NULL },
	{ "expect", 0, OPTION_MANY, false, "SEQ:SHA256",
	    "this line must be in the log; repeatable", COMPLETE_NONE, NULL },
	{ "unproved", 0, OPTION_NUMBER, false, "N",
	    "at most so many lines may be behind the last checkpoint",
	    COMPLETE_NONE, NULL },
	OPTION_END
};

/* Everything that a run needs. */
struct proving {
	struct log_files files;
	struct audit_key *keys;
	struct audit_line *lines;
	struct audit_claim claim;
};

static enum err
add_key(struct proving *p, const char *path, struct fault *why)
{
	enum err e;

	p->keys = xreallocarray(p->keys, p->claim.nkeys + 1,
	    sizeof(*p->keys));
	e = audit_key_read(path, &p->keys[p->claim.nkeys], why);
	p->claim.nkeys += e == OK;
	return e;
}

/* The keys named, or audit.pub beside each file; one that is not there is no
 * error as long as no checkpoint asks for it. */
static enum err
find_keys(struct proving *p, const struct args *a, struct fault *why)
{
	const struct given *g;
	enum err e = OK;

	for (size_t i = 0; e == OK &&
	    (g = args_nth(a, "key", i)) != NULL; i++)
		e = add_key(p, g->value, why);
	if (args_flag(a, "key"))
		return e;
	for (size_t i = 0; e == OK && i < p->files.n; i++) {
		char *copy = xstrdup(p->files.v[i]);
		char *path = xasprintf("%s/audit.pub", dirname(copy));

		e = add_key(p, path, why);
		if (e == ERR_NOT_FOUND)
			e = OK;
		free(path);
		free(copy);
	}
	return e;
}

/* Drops the keys that no pin names. */
static enum err
check_pins(struct proving *p, const struct args *a, struct fault *why)
{
	unsigned char pin[SHA256_SIZE];
	const struct given *g;
	size_t kept = 0;

	if (!args_flag(a, "pin"))
		return OK;
	for (size_t i = 0; i < p->claim.nkeys; i++) {
		bool good = false;

		for (size_t k = 0; (g = args_nth(a, "pin", k)) != NULL; k++) {
			if (!hex_decode(pin, sizeof(pin), g->value))
				return fault_set(why, ERR_USAGE, "--pin wants "
				    "64 hexadecimal digits");
			good = good || memcmp(pin, p->keys[i].id,
			    sizeof(pin)) == 0;
		}
		if (good)
			p->keys[kept++] = p->keys[i];
		else
			audit_key_free(&p->keys[i]);
	}
	p->claim.nkeys = kept;
	return OK;
}

/* "SEQ:SHA256", as a run of this command prints it. */
static enum err
add_expected(struct proving *p, const char *text, struct fault *why)
{
	struct audit_line *l;
	char *end;

	p->lines = xreallocarray(p->lines, p->claim.nlines + 1,
	    sizeof(*p->lines));
	l = &p->lines[p->claim.nlines++];
	l->seq = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != ':' ||
	    l->seq > JSON_INT_MAX || l->seq == 0 ||
	    !hex_decode(l->hash, SHA256_SIZE, end + 1))
		return fault_set(why, ERR_USAGE, "--expect wants "
		    "SEQ:SHA256, not \"%s\"", text);
	if (l->seq < p->claim.from)
		return fault_set(why, ERR_USAGE, "--expect: seq %" PRIu64
		    " is before --from", l->seq);
	return OK;
}

static enum err
read_claim(struct proving *p, const struct args *a, struct fault *why)
{
	const struct given *g;
	int64_t from = 1, last = 0;
	enum err e;

	args_number(a, "from", &from);
	args_number(a, "last", &last);
	p->claim.from = (uint64_t)from;
	p->claim.last = (uint64_t)last;
	e = log_files_find(&p->files, a->operands, a->noperands, why);
	if (e == OK)
		e = find_keys(p, a, why);
	if (e == OK)
		e = check_pins(p, a, why);
	for (size_t i = 0; e == OK &&
	    (g = args_nth(a, "expect", i)) != NULL; i++)
		e = add_expected(p, g->value, why);
	p->claim.keys = p->keys;
	p->claim.lines = p->lines;
	return e;
}

/* ------------------------------------------------------------------- result */

/*
 * What only the caller knows: how much of the log may be unproved.  A key that
 * was named on purpose and has signed nothing is a reason to doubt the file.
 */
static void
check_proof(const struct args *a, const struct proving *p,
    struct verification *v)
{
	uint64_t unproved = v->last.seq - (v->proved != 0 ? v->proved :
	    p->claim.from - 1);
	bool named = args_flag(a, "key") || args_flag(a, "pin");
	int64_t most;

	if (v->damage != DAMAGE_NONE)
		return;
	if (args_number(a, "unproved", &most) && unproved > (uint64_t)most)
		snprintf(v->detail, sizeof(v->detail), "%" PRIu64 " lines are "
		    "behind the last checkpoint", unproved);
	else if (named && v->checkpoints == 0)
		snprintf(v->detail, sizeof(v->detail), "there is no "
		    "checkpoint by the key");
	else
		return;
	v->damage = DAMAGE_UNPROVED;
	v->file = p->files.v[p->files.n - 1];
}

static void
print_json(const struct verification *v)
{
	struct json_writer w;
	char hex[HEX_SIZE];
	struct buf out;

	buf_init(&out, 65536);
	json_write_start(&w, &out);
	json_open_object(&w, NULL);
	json_put_bool(&w, "valid", v->damage == DAMAGE_NONE);
	json_put_int(&w, "lines", (int64_t)v->lines);
	json_put_int(&w, "last", (int64_t)v->last.seq);
	hex_encode(hex, v->last.hash, SHA256_SIZE);
	json_put_string(&w, "sha256", hex);
	json_put_int(&w, "checkpoints", (int64_t)v->checkpoints);
	json_put_int(&w, "proved", (int64_t)v->proved);
	if (v->damage != DAMAGE_NONE) {
		json_open_object(&w, "damage");
		json_put_string(&w, "kind", damage_name(v->damage));
		json_put_string(&w, "file", v->file);
		if (v->line != 0)
			json_put_int(&w, "line", (int64_t)v->line);
		json_put_string(&w, "detail", v->detail);
		json_close_object(&w);
	}
	json_close_object(&w);
	puts(buf_str(&out));
	buf_free(&out);
}

static void
print_damage(const struct verification *v)
{
	struct buf clean;

	buf_init(&clean, 65536);
	text_put(&clean, v->file);
	if (v->line != 0)
		buf_putf(&clean, ":%" PRIu64, v->line);
	buf_putf(&clean, ": %s: ", damage_name(v->damage));
	text_put(&clean, v->detail);
	puts(buf_str(&clean));
	buf_free(&clean);
}

static void
print_text(const struct verification *v)
{
	char hex[HEX_SIZE];

	if (v->damage != DAMAGE_NONE)
		print_damage(v);
	printf("%s: %" PRIu64 " lines, %" PRIu64 " checkpoints\n",
	    v->damage == DAMAGE_NONE ? "good" : "good until there", v->lines,
	    v->checkpoints);
	if (v->proved != 0)
		printf("proved by a checkpoint up to seq %" PRIu64 "\n",
		    v->proved);
	else
		puts("no line is proved by a checkpoint");
	if (v->lines == 0)
		return;
	hex_encode(hex, v->last.hash, SHA256_SIZE);
	printf("last line %" PRIu64 ":%s\n", v->last.seq, hex);
}

enum err
cmd_audit_verify(struct cli *cli, struct fault *why)
{
	const struct args *a = &cli->args;
	struct proving p = { .claim.from = 1 };
	struct verification v;
	enum err e = read_claim(&p, a, why);

	if (e == OK)
		e = audit_prove((const char *const *)p.files.v, p.files.n,
		    &p.claim, &v, why);
	if (e == OK) {
		check_proof(a, &p, &v);
		if (cli->json)
			print_json(&v);
		else
			print_text(&v);
		cli->exit = v.damage == DAMAGE_NONE ? EXIT_GOOD : EXIT_NO;
	}
	for (size_t i = 0; i < p.claim.nkeys; i++)
		audit_key_free(&p.keys[i]);
	free(p.keys);
	free(p.lines);
	log_files_free(&p.files);
	return e;
}
