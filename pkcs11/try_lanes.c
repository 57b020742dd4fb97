#include "try_lanes.h"

#include <stdio.h>
#include <stdlib.h>

#include "../broker/base/clock.h"
#include "../broker/base/mem.h"
#include "lane_client.h"

#define START_MS  60000
#define ANSWER_MS 30000
#define SIGN_US	  2000000 /* how long the lanes sign */

static enum err
start_lane(struct lane_client *c, const struct options *o, const char *uri,
    int pin_fd, unsigned number, struct fault *why)
{
	char text[16];
	char *argv[] = { "keybroker-signer", "--module",
		(char *)(uintptr_t)o->module, "--token",
		(char *)(uintptr_t)uri, "--name", "try", "--lane", text,
		o->count_low_allowed ? "--allow-count-low" : NULL, NULL };
	struct lane_token token;
	enum err e;

	snprintf(text, sizeof(text), "%u", number);
	e = lane_client_start(c, "/proc/self/exe", argv, pin_fd, why);
	return e == OK ? lane_client_ready(c, &token, START_MS, why) : e;
}

/* One signature of each lane, all asked before any is waited for. */
static enum err
sign_round(struct lane_client *lanes, unsigned n, const struct buf *request,
    EVP_PKEY *public, enum sig_alg alg, struct fault *why)
{
	static const char text[] = AUDIT_SAMPLE;
	enum err e = OK;

	for (unsigned i = 0; e == OK && i < n; i++)
		e = lane_client_send(&lanes[i], LANE_SIGN, request, why);
	for (unsigned i = 0; e == OK && i < n; i++) {
		unsigned char sig[SIGNATURE_MAX];
		struct reader r;
		size_t len;

		e = lane_client_receive(&lanes[i], LANE_SIGN, &r, ANSWER_MS,
		    why);
		if (e == OK)
			e = lane_client_get_signature(&r, sig, &len, why);
		if (e == OK)
			e = signature_verify(public, alg, text,
			    sizeof(text) - 1, sig, len, why);
	}
	return e;
}

static enum err
sign_all(struct lane_client *lanes, unsigned n, const struct lane_key *key,
    unsigned *rate, struct fault *why)
{
	static const char text[] = AUDIT_SAMPLE;
	enum sig_alg alg = alg_default(key->type);
	EVP_PKEY *public = spki_read(key->spki, key->spkilen, why);
	int64_t begin = clock_monotonic_us(), now = begin;
	unsigned long count = 0;
	struct buf request;
	enum err e = public != NULL ? OK : ERR_KEY;

	buf_init(&request, FRAME_MAX);
	lane_client_put_sign(&request, key, alg, text, sizeof(text) - 1);
	while (e == OK && now - begin < SIGN_US) {
		e = sign_round(lanes, n, &request, public, alg, why);
		count += n;
		now = clock_monotonic_us();
	}
	if (e == OK)
		*rate = (unsigned)(count * 1000000 / (uint64_t)(now - begin));
	buf_free(&request);
	EVP_PKEY_free(public);
	return e;
}

static bool
stop_all(struct lane_client *lanes, unsigned n)
{
	bool clean = true;

	for (unsigned i = 0; i < n; i++)
		if (lane_client_stop(&lanes[i]) != 0)
			clean = false;
	return clean;
}

unsigned
try_lanes(struct report *r, const struct options *o, const char *uri,
    int pin_fd, const struct lane_key *key)
{
	struct lane_client *lanes = xcalloc(o->lanes, sizeof(*lanes));
	unsigned rate = 0, n = 0;
	struct fault why;
	enum err e = OK;

	while (e == OK && n < o->lanes) {
		report_begin(r, "lane %u starts", n);
		e = start_lane(&lanes[n], o, uri, pin_fd, n, &why);
		n++;
		report_result(r, e, &why);
	}
	if (e == OK) {
		report_begin(r, "%u lanes sign at once", n);
		report_result(r, sign_all(lanes, n, key, &rate, &why), &why);
	}
	report_begin(r, "lanes end when told to");
	if (stop_all(lanes, n) || e != OK)
		report_ok(r, NULL);
	else
		report_fail(r, "a lane ended with an error");
	free(lanes);
	return rate;
}
