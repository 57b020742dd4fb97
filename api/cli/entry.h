/* A line of an audit log, read as what the broker would have written. */
#ifndef CLI_ENTRY_H
#define CLI_ENTRY_H

#include "../../broker/base/crypto.h"
#include "../json.h"
#include "lines.h"

/* What a line says about itself. */
struct entry {
	struct line line;
	bool good;	   /* else it is none of the log, and why says so */
	struct json *json; /* NULL for decisions, which say no more here */
	uint64_t seq;
	unsigned char prev[SHA256_SIZE];
	unsigned char hash[SHA256_SIZE];
	struct fault why;
};

/* Reads the next line; at the end line.text is NULL.  An error is one of
 * I/O: a line that is none of the log is not good.  To be freed. */
enum err entry_next(struct lines *lines, struct entry *e, struct fault *why);
void entry_free(struct entry *e);

/* True for lines of that event, which is not "decision". */
bool entry_is(const struct entry *e, const char *event);

#endif
