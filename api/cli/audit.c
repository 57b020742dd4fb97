#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "output.h"
#include "verify.h"

#define PAGE	    500
#define TAIL_LINES  10
#define FOLLOW_MS   500
#define REST_VALUE  160 /* bytes shown of one member in a table */

static format_fn format_rest;

static const struct column columns[] = {
	{ "SEQ", "seq", NULL, false },
	{ "TIME", "time", format_time, false },
	{ "EVENT", "event", NULL, false },
	{ "DETAILS", "", format_rest, true },
};

const struct option_row audit_list_options[] = {
	{ "after", 0, OPTION_NUMBER, false, "SEQ",
	    "begin behind this line", COMPLETE_NONE, NULL },
	OPTION_END
};

const struct option_row audit_tail_options[] = {
	{ "lines", 'n', OPTION_NUMBER, false, "N",
	    "how many of the last lines (10)", COMPLETE_NONE, NULL },
	{ "follow", 'f', OPTION_FLAG, false, NULL,
	    "go on printing lines as they are written", COMPLETE_NONE, NULL },
	OPTION_END
};

const struct option_row audit_verify_options[] = {
	{ "key", 0, OPTION_MANY, false, "FILE",
	    "public key (audit.pub beside the log); repeatable",
	    COMPLETE_FILE, NULL },
	{ "last", 0, OPTION_NUMBER, false, "SEQ",
	    "the log must reach this line at least", COMPLETE_NONE, NULL },
	OPTION_END
};

/* Every member that has no column of its own. */
static void
format_rest(struct buf *out, const struct json *object, const char *name)
{
	static const char *const shown[] = { "seq", "time", "prev", "event" };

	(void)name;
	for (size_t i = 0; i < json_count(object); i++) {
		const char *member = json_name_at(object, i);
		size_t before = out->len;
		bool own = false;

		for (size_t k = 0; k < nitems(shown); k++)
			own = own || strcmp(member, shown[k]) == 0;
		if (own)
			continue;
		buf_putf(out, "%s%s=", before != 0 ? " " : "", member);
		before = out->len;
		format_plain(out, object, member);
		if (out->len > before + REST_VALUE) {
			out->len = before + REST_VALUE;
			buf_puts(out, "...");
		}
	}
}

/* ------------------------------------------------------ lines of the broker */

/*
 * Gives each line behind *after to visit and moves *after along, up to the
 * line that was the last when this began: each request makes another one.
 */
static enum err
each_line(struct cli *cli, int64_t *after, list_visit *visit, void *arg,
    struct fault *why)
{
	int64_t end = -1;
	size_t n = 1;
	enum err e = OK;

	while (e == OK && n != 0 && (end < 0 || *after < end)) {
		char *path = xasprintf("/v1/audit?after=%" PRId64 "&limit=%d",
		    *after, PAGE);
		struct client_reply reply = { 0 };
		int64_t seq = *after;

		e = cli_call(cli, "GET", path, NULL, &reply, why);
		const struct json *items = json_get(reply.json, "items");
		if (e == OK && !json_is_array(items))
			e = fault_set(why, ERR_SYNTAX, "no list in the reply");
		n = e == OK ? json_count(items) : 0;
		for (size_t i = 0; i < n; i++)
			if (!visit(json_at(items, i), arg))
				n = 0;
		if (n != 0 && (!json_get_int(json_at(items, n - 1), "seq",
		    &seq) || seq <= *after))
			e = fault_set(why, ERR_SYNTAX,
			    "the broker's lines do not go on");
		*after = seq;
		if (e == OK && end < 0 &&
		    !json_get_int(reply.json, "last", &end))
			e = fault_set(why, ERR_SYNTAX, "no \"last\" in the "
			    "reply");
		client_reply_free(&reply);
		free(path);
	}
	return e;
}

static bool
add_row(const struct json *item, void *arg)
{
	table_add(arg, item);
	return true;
}

enum err
cmd_audit_list(struct cli *cli, struct fault *why)
{
	struct document d = { false };
	int64_t after = 0;
	struct table *t;
	enum err e;

	args_number(&cli->args, "after", &after);
	if (cli->json) {
		e = each_line(cli, &after, document_add, &d, why);
		if (e == OK)
			document_end(&d);
		return e;
	}
	t = table_new(columns, nitems(columns));
	e = each_line(cli, &after, add_row, t, why);
	if (e == OK && table_rows(t) != 0)
		table_print(t, stdout, cli->width, cli->color);
	table_free(t);
	return e;
}

/* Looking at the log leaves lines in it; following it would show nothing
 * else. */
static bool
is_own(const struct json *item)
{
	const char *operation = json_get_string(item, "operation");
	int64_t pid;

	return operation != NULL && strcmp(operation, "audit.read") == 0 &&
	    json_get_int(item, "pid", &pid) && pid == getpid();
}

/* One line of a tail: no table, because more may come. */
static bool
print_line(const struct json *item, void *arg)
{
	const struct cli *cli = arg;
	struct buf raw, clean;

	if (is_own(item))
		return true;
	if (cli->json) {
		output_item(item);
		putchar('\n');
		return !ferror(stdout);
	}
	buf_init(&raw, 65536);
	buf_init(&clean, 65536);
	for (size_t i = 0; i < nitems(columns); i++) {
		struct buf cell;

		buf_init(&cell, 65536);
		column_put(&cell, &columns[i], item);
		buf_putf(&raw, "%s%s", i != 0 ? "  " : "", buf_str(&cell));
		buf_free(&cell);
	}
	text_put(&clean, buf_str(&raw));
	puts(buf_str(&clean));
	buf_free(&raw);
	buf_free(&clean);
	return !ferror(stdout);
}

/* Where to begin so that n lines are left, without the one that asking for
 * this has just made. */
static enum err
tail_start(struct cli *cli, int64_t n, int64_t *after, struct fault *why)
{
	struct client_reply reply;
	int64_t last = 0;
	char *path = xasprintf("/v1/audit?after=%lld&limit=1", JSON_INT_MAX);
	enum err e = cli_call(cli, "GET", path, NULL, &reply, why);

	if (e == OK && !json_get_int(reply.json, "last", &last))
		e = fault_set(why, ERR_SYNTAX, "no \"last\" in the reply");
	*after = last - 1 > n ? last - 1 - n : 0;
	client_reply_free(&reply);
	free(path);
	return e;
}

enum err
cmd_audit_tail(struct cli *cli, struct fault *why)
{
	const struct timespec wait = { 0, FOLLOW_MS * 1000000L };
	int64_t n = TAIL_LINES, after = 0;
	enum err e;

	args_number(&cli->args, "lines", &n);
	e = tail_start(cli, n, &after, why);
	while (e == OK) {
		e = each_line(cli, &after, print_line, cli, why);
		if (e == OK)
			e = output_flush(why);
		if (!args_flag(&cli->args, "follow"))
			break;
		nanosleep(&wait, NULL);
	}
	return e;
}

/* ------------------------------------------------------------ verification */

struct key_ring {
	struct audit_key *v;
	size_t n;
};

static enum err
ring_add(struct key_ring *ring, const char *path, struct fault *why)
{
	enum err e;

	ring->v = xreallocarray(ring->v, ring->n + 1, sizeof(*ring->v));
	e = audit_key_read(path, &ring->v[ring->n], why);
	ring->n += e == OK;
	return e;
}

/* The keys named, or audit.pub beside each log; one that is not there is no
 * error as long as no checkpoint asks for it. */
static enum err
ring_fill(struct key_ring *ring, const struct args *a, struct fault *why)
{
	const struct given *g;
	enum err e = OK;

	for (size_t i = 0; e == OK &&
	    (g = args_nth(a, "key", i)) != NULL; i++)
		e = ring_add(ring, g->value, why);
	if (args_flag(a, "key"))
		return e;
	for (size_t i = 0; e == OK && i < a->noperands; i++) {
		char *copy = xstrdup(a->operands[i]);
		char *path = xasprintf("%s/audit.pub", dirname(copy));

		e = ring_add(ring, path, why);
		if (e == ERR_NOT_FOUND)
			e = OK;
		free(path);
		free(copy);
	}
	return e;
}

/* A log can be shortened at a point where nothing shows it; somebody who
 * knows how far it went can say so. */
static void
check_last(const struct args *a, struct verification *v)
{
	int64_t want;

	if (v->damage != DAMAGE_NONE || !args_number(a, "last", &want) ||
	    v->last >= (uint64_t)want)
		return;
	v->damage = DAMAGE_CUT;
	v->file = a->operands[a->noperands - 1];
	v->line = 0;
	snprintf(v->detail, sizeof(v->detail), "the log ends with seq %"
	    PRIu64 ", before seq %" PRId64, v->last, want);
}

static void
print_json(const struct verification *v)
{
	struct json_writer w;
	struct buf out;

	buf_init(&out, 65536);
	json_write_start(&w, &out);
	json_open_object(&w, NULL);
	json_put_bool(&w, "valid", v->damage == DAMAGE_NONE);
	json_put_int(&w, "lines", (int64_t)v->lines);
	json_put_int(&w, "last", (int64_t)v->last);
	json_put_int(&w, "checkpoints", (int64_t)v->checkpoints);
	json_put_int(&w, "proved", (int64_t)v->proved);
	if (v->damage != DAMAGE_NONE) {
		json_open_object(&w, "damage");
		json_put_string(&w, "kind", damage_name(v->damage));
		json_put_string(&w, "file", v->file);
		json_put_int(&w, "line", (int64_t)v->line);
		json_put_string(&w, "detail", v->detail);
		json_close_object(&w);
	}
	json_close_object(&w);
	puts(buf_str(&out));
	buf_free(&out);
}

static void
print_text(const struct verification *v)
{
	struct buf clean;

	buf_init(&clean, 65536);
	if (v->damage != DAMAGE_NONE) {
		text_put(&clean, v->file);
		buf_putf(&clean, ":%" PRIu64 ": %s: ", v->line,
		    damage_name(v->damage));
		text_put(&clean, v->detail);
		puts(buf_str(&clean));
	}
	printf("%s: %" PRIu64 " lines, %" PRIu64 " checkpoints\n",
	    v->damage == DAMAGE_NONE ? "good" : "good until there", v->lines,
	    v->checkpoints);
	if (v->proved != 0)
		printf("proved by a checkpoint up to seq %" PRIu64 "\n",
		    v->proved);
	else
		puts("no line is proved by a checkpoint");
	buf_free(&clean);
}

enum err
cmd_audit_verify(struct cli *cli, struct fault *why)
{
	const struct args *a = &cli->args;
	struct key_ring ring = { 0 };
	struct verification v;
	enum err e = ring_fill(&ring, a, why);

	if (e == OK)
		e = audit_prove(a->operands, a->noperands, ring.v, ring.n, &v,
		    why);
	if (e == OK) {
		check_last(a, &v);
		if (cli->json)
			print_json(&v);
		else
			print_text(&v);
		cli->exit = v.damage == DAMAGE_NONE ? EXIT_GOOD : EXIT_NO;
	}
	for (size_t i = 0; i < ring.n; i++)
		audit_key_free(&ring.v[i]);
	free(ring.v);
	return e;
}
