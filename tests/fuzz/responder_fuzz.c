/*
 * The head of a request at the http-01 responder, which anyone on the
 * Internet may send.  A token that comes out is one, stood in the request, and
 * was asked for by GET or HEAD.
 */
#include "../../broker/base/mem.h"
#include "../../broker/issuer/responder.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct responder_request r;
	char *head, *line;

	if (n > RESPONDER_HEAD_MAX)
		return 0;
	head = xmemdup(p, n);
	responder_parse(head, n, &r);
	free(head);
	require(r.status == 200 || (r.status >= 400 && r.status <= 505));
	if (r.status != 200)
		return 0;
	require(token_ok(r.token));
	line = xasprintf("%s /.well-known/acme-challenge/%s HTTP/1.",
	    r.head ? "HEAD" : "GET", r.token);
	require(strlen(line) < n && memcmp(p, line, strlen(line)) == 0);
	free(line);
	return 0;
}
