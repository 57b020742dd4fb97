#include "action.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../broker/base/mem.h"

#define PREFIX "urn:ietf:params:acme:error:"

static action_fn do_problem, do_bad_nonce, do_answer, do_redirect, do_status,
    do_set, do_remove, do_twice, do_deep, do_pad, do_header, do_no_header,
    do_retry_after, do_flood, do_body, do_append, do_raw, do_lose, do_reset,
    do_delay, do_drip, do_endless;

static const struct action actions[] = {
	{ "problem", INSTEAD, 2, do_problem },
	{ "bad-nonce", INSTEAD, 0, do_bad_nonce },
	{ "answer", INSTEAD, 2, do_answer },
	{ "redirect", INSTEAD, 2, do_redirect },
	{ "become", HEED, 1, NULL },
	{ "chain", HEED, 1, NULL },
	{ "set", TWIST, 2, do_set },
	{ "remove", TWIST, 1, do_remove },
	{ "twice", TWIST, 1, do_twice },
	{ "deep", TWIST, 1, do_deep },
	{ "pad", TWIST, 1, do_pad },
	{ "status", WIRE, 1, do_status },
	{ "header", WIRE, 2, do_header },
	{ "no-header", WIRE, 1, do_no_header },
	{ "retry-after", WIRE, 1, do_retry_after },
	{ "flood", WIRE, 1, do_flood },
	{ "body", WIRE, 0, do_body },
	{ "append", WIRE, 1, do_append },
	{ "raw", WIRE, 1, do_raw },
	{ "lose", WIRE, 1, do_lose },
	{ "reset", WIRE, 1, do_reset },
	{ "delay", WIRE, 1, do_delay },
	{ "drip", WIRE, 1, do_drip },
	{ "endless", WIRE, 0, do_endless },
};

static const char *const losses[] = {
	[LOSS_UNREAD] = "unread",
	[LOSS_BEFORE] = "before",
	[LOSS_DURING] = "during",
	[LOSS_AFTER] = "after",
};

const struct action *
action_find(const char *name)
{
	for (size_t i = 0; i < nitems(actions); i++)
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
	return NULL;
}

static bool
is_loss(const struct action *a)
{
	return a->run == do_lose || a->run == do_reset;
}

static enum loss
loss_of(const char *text)
{
	for (enum loss l = LOSS_UNREAD; l < nitems(losses); l++)
		if (strcmp(losses[l], text) == 0)
			return l;
	return LOSS_NONE;
}

bool
action_takes(const struct action *a, const char *text)
{
	unsigned words = 0;

	if (is_loss(a))
		return loss_of(text) != LOSS_NONE;
	for (const char *p = text; *p != '\0'; words++) {
		p += strcspn(p, " \t");
		p += strspn(p, " \t");
	}
	return words >= a->words;
}

bool
action_is_unread(const struct action *a, const char *text)
{
	return is_loss(a) && loss_of(text) == LOSS_UNREAD;
}

/* ----------------------------------------------------- instead of the CA */

void
reply_problem(struct reply *r, const struct problem *p)
{
	char type[256];

	snprintf(type, sizeof(type), "%s%s",
	    strchr(p->type, ':') != NULL ? "" : PREFIX, p->type);
	r->answer->status = p->status;
	answer_header(r->answer, "Content-Type", "application/problem+json");
	cJSON_Delete(r->json);
	r->json = cJSON_CreateObject();
	if (strcmp(p->type, "-") != 0)
		cJSON_AddStringToObject(r->json, "type", type);
	cJSON_AddNumberToObject(r->json, "status", p->status);
	cJSON_AddStringToObject(r->json, "detail", p->words);
}

static void
do_problem(struct reply *r, const char *text)
{
	struct problem p;
	char type[200];
	int n = 0;

	sscanf(text, "%u %199s %n", &p.status, type, &n);
	p.type = type;
	snprintf(p.words, sizeof(p.words), "%s", text + n);
	reply_problem(r, &p);
}

static void
do_bad_nonce(struct reply *r, const char *text)
{
	do_problem(r, text[0] != '\0' ? text : "400 badNonce the nonce is bad");
}

/* Appends text with \n \r \t \0 \\ and \xHH made bytes. */
static void
put_escaped(struct buf *out, const char *text)
{
	static const char from[] = "nrt0\\", to[] = "\n\r\t\0\\";
	const char *p;
	unsigned c;

	for (; *text != '\0'; text++)
		if (*text != '\\' || text[1] == '\0') {
			buf_putc(out, (unsigned char)*text);
		} else if (*++text == 'x' &&
		    sscanf(text + 1, "%2x", &c) == 1) {
			buf_putc(out, (unsigned char)c);
			text += 2;
		} else if ((p = strchr(from, *text)) != NULL) {
			buf_putc(out, (unsigned char)to[p - from]);
		}
}

static void
do_answer(struct reply *r, const char *text)
{
	char type[200];
	int n = 0;

	sscanf(text, "%u %199s %n", &r->answer->status, type, &n);
	answer_header(r->answer, "Content-Type",
	    strcmp(type, "-") != 0 ? type : NULL);
	buf_reset(&r->answer->body);
	put_escaped(&r->answer->body, text + n);
}

static void
do_redirect(struct reply *r, const char *text)
{
	char url[1024];

	sscanf(text, "%u %1023s", &r->answer->status, url);
	answer_header(r->answer, "Location", url);
}

/* ---------------------------------------------------- other JSON of a CA */

/* Finds the parent of "/a/0/b" and gives the last segment. */
static cJSON *
parent_of(cJSON *root, const char *pointer, char last[static 128])
{
	cJSON *at = root;
	size_t n;

	last[0] = '\0';
	while (at != NULL && *pointer == '/') {
		n = strcspn(++pointer, "/");
		snprintf(last, 128, "%.*s", (int)n, pointer);
		pointer += n;
		if (*pointer != '/')
			break;
		at = cJSON_IsArray(at) ? cJSON_GetArrayItem(at, atoi(last)) :
		    cJSON_GetObjectItemCaseSensitive(at, last);
	}
	return at;
}

static void
remove_member(cJSON *parent, const char *name)
{
	if (cJSON_IsArray(parent))
		cJSON_DeleteItemFromArray(parent, atoi(name));
	else
		cJSON_DeleteItemFromObjectCaseSensitive(parent, name);
}

static void
add_raw(cJSON *parent, const char *name, const char *text)
{
	if (cJSON_IsArray(parent))
		cJSON_InsertItemInArray(parent, atoi(name),
		    cJSON_CreateRaw(text));
	else
		cJSON_AddItemToObject(parent, name, cJSON_CreateRaw(text));
}

/* "/pointer JSON"; the pointer "/" is the whole answer. */
static void
do_set(struct reply *r, const char *text)
{
	char pointer[256], last[128];
	cJSON *parent;
	int n = 0;

	sscanf(text, "%255s %n", pointer, &n);
	parent = parent_of(r->json, pointer, last);
	if (strcmp(pointer, "/") == 0) {
		cJSON_Delete(r->json);
		r->json = cJSON_CreateRaw(text + n);
	} else if (parent != NULL) {
		remove_member(parent, last);
		add_raw(parent, last, text + n);
	}
}

static void
do_remove(struct reply *r, const char *text)
{
	char last[128];
	cJSON *parent = parent_of(r->json, text, last);

	if (parent != NULL)
		remove_member(parent, last);
}

/* A member once more, with its own value or another one. */
static void
do_twice(struct reply *r, const char *text)
{
	char pointer[256], last[128];
	const cJSON *member;
	cJSON *parent;
	char *value;
	int n = 0;

	sscanf(text, "%255s %n", pointer, &n);
	parent = parent_of(r->json, pointer, last);
	member = cJSON_GetObjectItemCaseSensitive(parent, last);
	if (member == NULL)
		return;
	value = cJSON_PrintUnformatted(member);
	add_raw(parent, last, text[n] != '\0' ? text + n : value);
	free(value);
}

static void
do_deep(struct reply *r, const char *text)
{
	size_t n = strtoul(text, NULL, 10);
	char *nest = xmalloc(2 * n + 1);

	memset(nest, '[', n);
	memset(nest + n, ']', n);
	nest[2 * n] = '\0';
	cJSON_AddItemToObject(r->json, "deep", cJSON_CreateRaw(nest));
	free(nest);
}

static void
do_pad(struct reply *r, const char *text)
{
	size_t n = strtoul(text, NULL, 10);
	char *pad = xmalloc(n + 1);

	memset(pad, 'x', n);
	pad[n] = '\0';
	cJSON_AddStringToObject(r->json, "pad", pad);
	free(pad);
}

/* ------------------------------------------------------- bytes and wires */

static void
do_status(struct reply *r, const char *text)
{
	r->answer->status = (unsigned)atoi(text);
}

static void
do_header(struct reply *r, const char *text)
{
	char name[128];
	struct buf value;
	int n = 0;

	sscanf(text, "%127s %n", name, &n);
	buf_init(&value, 65536);
	put_escaped(&value, text + n);
	answer_header(r->answer, name, buf_str(&value));
	buf_free(&value);
}

static void
do_no_header(struct reply *r, const char *text)
{
	answer_header(r->answer, text, NULL);
}

/* The three forms of a date, RFC 9110 section 5.6.7, so many seconds from
 * now; anything else is the value itself. */
static void
do_retry_after(struct reply *r, const char *text)
{
	static const struct {
		const char *word, *form;
	} dates[] = {
		{ "date ", "%a, %d %b %Y %H:%M:%S GMT" },
		{ "rfc850 ", "%A, %d-%b-%y %H:%M:%S GMT" },
		{ "asctime ", "%a %b %e %H:%M:%S %Y" },
	};
	char value[64];
	struct tm tm;
	time_t when;

	for (size_t i = 0; i < nitems(dates); i++) {
		size_t n = strlen(dates[i].word);

		if (strncmp(text, dates[i].word, n) != 0)
			continue;
		when = time(NULL) + atol(text + n);
		gmtime_r(&when, &tm);
		strftime(value, sizeof(value), dates[i].form, &tm);
		answer_header(r->answer, "Retry-After", value);
		return;
	}
	answer_header(r->answer, "Retry-After", text);
}

static void
do_flood(struct reply *r, const char *text)
{
	r->answer->flood = (unsigned)atoi(text);
}

static void
do_body(struct reply *r, const char *text)
{
	buf_reset(&r->answer->body);
	put_escaped(&r->answer->body, text);
}

static void
do_append(struct reply *r, const char *text)
{
	put_escaped(&r->answer->body, text);
}

static void
do_raw(struct reply *r, const char *text)
{
	struct buf b;

	buf_init(&b, 65536);
	put_escaped(&b, text);
	free(r->answer->raw);
	r->answer->raw = (char *)buf_take(&b, &r->answer->rawlen);
}

static void
do_lose(struct reply *r, const char *text)
{
	r->answer->loss = loss_of(text);
}

static void
do_reset(struct reply *r, const char *text)
{
	r->answer->loss = loss_of(text);
	r->answer->reset = true;
}

static void
do_delay(struct reply *r, const char *text)
{
	r->answer->delay_ms = (unsigned)atoi(text);
}

static void
do_drip(struct reply *r, const char *text)
{
	sscanf(text, "%u %u", &r->answer->drip_ms, &r->answer->drip_bytes);
}

static void
do_endless(struct reply *r, const char *text)
{
	(void)text;
	r->answer->endless = true;
}
