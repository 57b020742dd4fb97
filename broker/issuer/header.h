/*
 * The header fields of a CA's answer that mean something here.  Values that
 * do not parse are as good as absent.
 */
#ifndef ISSUER_HEADER_H
#define ISSUER_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "facts.h"
#include "nonce.h"

#define HEADER_MAX	 65536 /* bytes of all header lines */
#define HEADER_ALTERNATES 10
#define MEDIA_TYPE_SIZE	 128
#define RETRY_AFTER_MAX	 86400 /* seconds */

struct headers {
	size_t total;		   /* bytes so far, interim answers too */
	char nonce[NONCE_SIZE];	   /* "" when absent */
	char location[URL_SIZE];   /* "" when absent */
	char media_type[MEDIA_TYPE_SIZE]; /* lower case, no parameters, or "" */
	int64_t retry_after;	   /* seconds; -1 when absent */
	char up[URL_SIZE];	   /* link relation, RFC 8555 section 7.1 */
	char *alternates[HEADER_ALTERNATES]; /* owned */
	unsigned nalternates;
	bool complete;		   /* the empty line behind them came */
};

void headers_init(struct headers *h);
void headers_free(struct headers *h);

/*
 * Takes one line of n bytes as it came, a status line or a field; a status
 * line starts anew.  now (seconds since the epoch) is what a date in
 * Retry-After counts from.  False when the lines became too many.
 */
bool headers_line(struct headers *h, const char *line, size_t n, int64_t now);

/* Seconds from 0 to RETRY_AFTER_MAX out of either form of Retry-After; -1
 * when it is neither. */
int64_t headers_retry_after(const char *value, int64_t now);

#endif
