#include "registered.h"

#include <arpa/inet.h>
#include <libpsl.h>
#include <stdio.h>
#include <string.h>

#include "../../base/log.h"

static psl_ctx_t *list;

/* The file of the system, or what the library was built with when that is
 * newer or there is none. */
void
registered_start(void)
{
	list = psl_latest(psl_dist_filename());
	if (list == NULL)
		fatal("there is no list of public suffixes");
}

void
registered_stop(void)
{
	psl_free(list);
	list = NULL;
}

static void
network(const unsigned char address[static 16], char out[static 256])
{
	unsigned char prefix[16] = { 0 };
	char text[INET6_ADDRSTRLEN];

	memcpy(prefix, address, 8);
	inet_ntop(AF_INET6, prefix, text, sizeof(text));
	snprintf(out, REGISTERED_SIZE, "%s/64", text);
}

void
registered_domain(const char *identifier, char out[static REGISTERED_SIZE])
{
	unsigned char address[16];
	const char *domain;

	if (inet_pton(AF_INET6, identifier, address) == 1) {
		network(address, out);
		return;
	}
	if (strncmp(identifier, "*.", 2) == 0)
		identifier += 2;
	domain = inet_pton(AF_INET, identifier, address) == 1 ? NULL :
	    psl_registrable_domain(list, identifier);
	snprintf(out, REGISTERED_SIZE, "%s",
	    domain != NULL ? domain : identifier);
}
