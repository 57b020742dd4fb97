/*
 * Asks the broker how it is, through the client library, and says so in one
 * line for a monitor: exit code 0 when all is well, 1 when degraded, 3 when
 * the broker cannot be asked.  With the client library installed:
 *
 *	cc -o status status.c $(pkg-config --cflags --libs libkeybroker)
 */
#include <keybroker/api/client.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOCKET	   "/run/keybroker/api.sock"
#define TIMEOUT_MS 5000

static int
report(const struct json *status)
{
	const char *state = json_get_string(status, "state");
	const struct json *tokens = json_get(status, "tokens");
	int64_t connections = 0;

	if (state == NULL) {
		fputs("status: no state in the reply\n", stderr);
		return 3;
	}
	json_get_int(status, "connections", &connections);
	printf("%s: %zu tokens, %lld connections\n", state,
	    json_count(tokens), (long long)connections);
	return strcmp(state, "ok") == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct client_reply reply = { 0 };
	struct fault why = { 0 };
	struct client *broker;
	int code = 3;

	broker = client_open(argc > 1 ? argv[1] : SOCKET, &why);
	if (broker == NULL) {
		fprintf(stderr, "status: %s\n", why.text);
		return code;
	}
	if (client_call(broker, "GET", "/v1/status", NULL, 0, TIMEOUT_MS,
	    &reply, &why) == OK)
		code = report(reply.json);
	else
		fprintf(stderr, "status: %s: %s\n", err_name(why.code),
		    why.text);
	client_reply_free(&reply);
	client_close(broker);
	return code;
}
