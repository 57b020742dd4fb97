/* The audit log as the broker gives it, page by page. */
#ifndef CLI_PAGES_H
#define CLI_PAGES_H

#include "output.h"

/* Options that choose lines, for the table of a command. */
#define AUDIT_FILTERS                                                         \
	{ "event", 0, OPTION_TEXT, false, "EVENT",                            \
	    "only lines of that event", COMPLETE_WORDS, EVENT_WORDS },        \
	{ "operation", 0, OPTION_TEXT, false, "OPERATION",                    \
	    "only lines about that operation", COMPLETE_WORDS,                \
	    OPERATION_WORDS },                                                \
	{ "decision", 0, OPTION_TEXT, false, "DECISION",                      \
	    "only what was allowed, or denied", COMPLETE_WORDS,               \
	    "allow deny" },                                                   \
	{ "tenant", 0, OPTION_TEXT, false, "TENANT",                          \
	    "only lines of that tenant", COMPLETE_NONE, NULL },               \
	{ "key", 0, OPTION_TEXT, false, "KEY",                                \
	    "only lines about that key; its name or id", COMPLETE_KEY, NULL }, \
	{ "since", 0, OPTION_TIME, false, "TIME",                             \
	    "only lines since then", COMPLETE_NONE, NULL }
#define EVENT_WORDS                                                           \
	"checkpoint continued csr decision destroy dry-run failed key order " \
	"recovered refused rewritten shortened signature start stop"

/* Where one is in the log. */
struct pages {
	struct buf query; /* the filters, "name=value" behind "&" each */
	char next[160];	  /* where the next page begins; "": not known yet */
	bool more;	  /* there are lines there */
};

/* Reads the filters; ERR_USAGE for what no query can hold. */
enum err pages_open(struct pages *p, const struct args *a, struct fault *why);
void pages_close(struct pages *p);

/*
 * GETs the next page, or with first ("after=7", "tail=10") one that begins
 * there; wait says for how many seconds the broker may wait for lines, -1
 * asks for what is there.  Each line goes to visit; false ends all.
 */
enum err pages_get(struct cli *cli, struct pages *p, const char *first,
    int wait, list_visit *visit, void *arg, struct fault *why);

#endif
